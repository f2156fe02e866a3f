#pragma once

#include <ntd/base/unique_fd.h>

#include <sys/types.h>

#include <string>

namespace ntd::os {

class OrphanGuard;

// A cgroup (version 2) of our own. The destructor kills all processes in it and in the cgroups
// below it, and removes them all.
class Cgroup {
public:
    // Makes the cgroup in the directory `parent` of a cgroup2 file system. The guard, if there is
    // one, does the destructor's work if the driver is killed. Throws SystemError.
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

// Opens the directory of the cgroup that a process is in, which must be `above` or below it. Opens
// `above` itself if that cannot be determined. Throws SystemError.
UniqueFd open_cgroup_of(pid_t process, int above);

// Kills all processes in the cgroup `name` of the directory `parent` and below it, waits at most
// two seconds until they have ended, and removes it. Does nothing if there is no such cgroup.
void end_cgroup(int parent, const char* name) noexcept;

} // namespace ntd::os
