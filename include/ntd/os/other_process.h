#pragma once

#include <ntd/base/unique_fd.h>

#include <sys/types.h>

namespace ntd::os {

// A process that need not be our child, by a descriptor: whatever becomes of its number, this is
// that process. Any thread may use it.
class OtherProcess {
public:
    OtherProcess() = default; // none: it has ended
    explicit OtherProcess(pid_t pid);

    pid_t pid() const { return pid_; }
    int exit_fd() const { return pidfd_.get(); } // readable once it has ended; -1: none
    bool has_ended() const;
    bool is_child_of(pid_t parent) const; // which is to be there meanwhile
    void signal(int number) const noexcept;

private:
    pid_t pid_ = -1;
    UniqueFd pidfd_;
};

} // namespace ntd::os
