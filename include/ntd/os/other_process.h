#pragma once

#include <ntd/base/deadline.h>
#include <ntd/base/unique_fd.h>

#include <sys/types.h>

#include <utility>

namespace ntd::os {

// A process that need not be our child, by a descriptor: whatever becomes of its number, this is
// that process. Any thread may use it.
class OtherProcess {
public:
    OtherProcess() = default; // none: it has ended
    explicit OtherProcess(pid_t pid);
    OtherProcess(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

    pid_t pid() const { return pid_; }
    int exit_fd() const { return pidfd_.get(); } // readable once it has ended; -1: none
    bool has_ended() const;
    void wait_for_end(Deadline deadline) const noexcept; // cannot be interrupted
    bool is_child_of(pid_t parent) const;                // which is to be there meanwhile
    bool is_older_than(pid_t other) const;               // the same
    void signal(int number) const noexcept;
    pid_t group() const; // that it is in; -1 if it has ended

private:
    pid_t pid_ = -1;
    UniqueFd pidfd_;
};

// Waits until a process sleeps: it has done all that it has been given so far. Cannot be
// interrupted; ends at once where the process, or /proc, is not there.
void wait_until_asleep(pid_t process, Deadline deadline) noexcept;

// Number of the parent of a process; -1 if that is not there.
pid_t parent_of(pid_t process);

// Who has connected to a socket of ours, or listens on the one that we have connected to. None if
// that process has ended, or is in another PID namespace.
OtherProcess peer_of(int socket);

} // namespace ntd::os
