#pragma once

#include <ntd/base/unique_fd.h>

#include <sys/types.h>

#include <string>

namespace ntd::os {

class OrphanGuard;

// A cgroup (version 2) of our own: whatever is started in it, and moves within it, ends with it.
// The destructor kills all that is in it and in those below it, and removes them.
class Cgroup {
public:
    // In the directory `parent` of a cgroup2 file system. If there is a guard, it does what the
    // destructor would do when we end without one. Throws SystemError.
    Cgroup(int parent, std::string name, const OrphanGuard* guard);
    ~Cgroup();
    Cgroup(const Cgroup&) = delete;
    Cgroup& operator=(const Cgroup&) = delete;
    Cgroup(Cgroup&&) = delete;
    Cgroup& operator=(Cgroup&&) = delete;

    int directory() const { return directory_.get(); }
    int procs_fd() const { return procs_.get(); } // for ProcessSpec::cgroup_procs

private:
    std::string name_;
    UniqueFd parent_;
    UniqueFd directory_;
    UniqueFd procs_;
};

// The directory of the cgroup that a process is in, which is the one of the directory `above` or is
// below it; `above` itself if it cannot be told. Throws SystemError.
UniqueFd open_cgroup_of(pid_t process, int above);

// Kills all processes in the cgroup `name` of the directory `parent` and below it, waits until they
// have ended (two seconds at most), and removes it. Nothing if there is none.
void end_cgroup(int parent, const char* name) noexcept;

} // namespace ntd::os
