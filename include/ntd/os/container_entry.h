#pragma once

#include <ntd/base/unique_fd.h>
#include <ntd/os/child_process.h>
#include <ntd/os/other_process.h>

#include <string>
#include <vector>

namespace ntd::os {

// The way into a container for processes of ours. It is known by its init, by a descriptor.
//
// A process in it has all that init has at that time and nothing else: every namespace, the root
// directory, a cgroup, the capabilities, and root's groups there; a keyring of its own; the
// standard streams that it is given, and no terminal. No code of the container runs before all of
// that holds, and what the container can get at then has nothing of ours: see
// src/os/porter/porter.cpp.
//
// Not copied are init's securebits, its limits, and its seccomp filter. Who has one gets a filter
// that refuses what root in a container must not have, see porter/filter.h. Any thread may use it.
class ContainerEntry {
public:
    // What a process ends with that could not be carried in, perhaps as init had ended; its
    // standard error says why.
    static constexpr int cannot_enter = 125;

    // `init` executes a program of its container already. Throws SystemError.
    explicit ContainerEntry(pid_t init);

    const OtherProcess& init() const { return init_; }

    // Starts `spec`, whose argv are arguments, in the container: the first of `programs` that can
    // be executed. `cgroup` is the directory of its cgroup. Throws SystemError.
    ChildProcess start(ProcessSpec spec,
                       int cgroup,
                       const std::vector<std::string>& programs,
                       const OrphanGuard& guard) const;

    // Whether the kernel knows the path, one of a file in memory such as a socket of /run. Asks no
    // file system, as one of the container might never answer, and follows nothing out of it.
    bool has(const char* path) const;

private:
    OtherProcess init_;
    UniqueFd porter_; // its program: a file that has no other user, and that cannot be changed
};

} // namespace ntd::os
