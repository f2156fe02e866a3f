#pragma once

#include <ntd/base/deadline.h>
#include <ntd/base/unique_fd.h>

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

namespace ntd::os {

// A process that need not be a child of ours, identified by a pidfd: reuse of its pid does no harm.
// Thread-safe.
class OtherProcess {
public:
    OtherProcess() = default; // counts as ended
    explicit OtherProcess(pid_t pid);
    OtherProcess(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

    pid_t pid() const { return pid_; }
    int exit_fd() const { return pidfd_.get(); } // readable once it has ended; -1 if empty
    bool has_ended() const;
    void wait_for_end(Deadline deadline) const noexcept; // cannot be interrupted
    bool is_child_of(pid_t parent) const;                // `parent` must not end meanwhile
    bool is_older_than(pid_t other) const;               // `other` must not end meanwhile
    void signal(int number) const noexcept;
    pid_t group() const; // its process group; -1 if it has ended

private:
    pid_t pid_ = -1;
    UniqueFd pidfd_;
};

// Waits until a process sleeps, so that it has handled all its input so far. Cannot be interrupted.
// Returns at once if the process has ended or there is no /proc.
void wait_until_asleep(pid_t process, Deadline deadline) noexcept;

// The words of the command line of a process; none if the process does not exist.
std::vector<std::string> command_line_of(pid_t process);

// The pid of the parent of a process; -1 if the process does not exist.
pid_t parent_of(pid_t process);

// The process at the other end of a Unix socket: the one that has connected, or that listens. An
// empty OtherProcess if it has ended or is in another PID namespace.
OtherProcess peer_of(int socket);

} // namespace ntd::os
