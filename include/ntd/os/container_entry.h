#pragma once

#include <ntd/base/unique_fd.h>
#include <ntd/os/child_process.h>
#include <ntd/os/other_process.h>

#include <string>
#include <vector>

namespace ntd::os {

// Starts processes of ours in a container, which is identified by a pidfd of its init.
//
// Such a process gets what init has at that time and nothing else: every namespace, the root
// directory, a cgroup, the capabilities, and root's groups there. It has a keyring of its own, the
// standard streams passed to it, and no terminal. No code of the container runs before all of that
// holds, and the process that the container can then access contains nothing of the driver: see
// src/os/porter/porter.cpp.
//
// init's securebits, resource limits and seccomp filter are not copied. If init has a filter, the
// process gets one that refuses what root in a container must not do, see porter/filter.h.
// Thread-safe.
class ContainerEntry {
public:
    // Exit status if entering the container failed, perhaps because init had ended; stderr says
    // why.
    static constexpr int cannot_enter = 125;

    // `init` must have executed a program of its container already. Throws SystemError.
    explicit ContainerEntry(pid_t init);

    const OtherProcess& init() const { return init_; }

    // Starts the first of `programs` that can be executed in the container. `spec.argv` has its
    // arguments only. `cgroup` is the directory of its cgroup. Throws SystemError.
    ChildProcess start(ProcessSpec spec,
                       int cgroup,
                       const std::vector<std::string>& programs,
                       const OrphanGuard& guard) const;

    // Whether the path exists on a file system in memory, such as that of a socket in /run. Looks
    // only in the kernel's cache, because a file system of the container might never answer, and
    // follows no link out of the container.
    bool has(const char* path) const;

private:
    OtherProcess init_;
    UniqueFd porter_; // its program, as a sealed file that nobody else uses
};

} // namespace ntd::os
