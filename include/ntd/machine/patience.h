#pragma once

#include <ntd/base/deadline.h>
#include <ntd/base/error.h>
#include <ntd/machine/machine_process.h>

#include <optional>
#include <string>

namespace ntd::machine {

// A guest's root shell has ended. Its machine may still run.
class ShellEnded : public MachineError {
    using MachineError::MachineError;
};

// How long to wait for an overdue answer of a guest's root shell. The shell may be slow, or the
// script may have paused the guest: the limit is Host::silence. If the shell is probably gone, it
// is two seconds.
class Patience {
public:
    // `command` is the running command, for messages.
    Patience(std::string machine, std::string command, MachineProcess& process, const Host& host);

    // The shell has sent something, or has read something that was sent to it.
    void heard() noexcept;

    // The shell may be gone. `why` is a line of the console, or a reason in the same style.
    void doubt(std::string why);
    bool doubts() const { return doubt_.has_value(); }

    // When to call check() next.
    Deadline next() const;

    // Warns once per silence. Throws MachineError when the silence is too long, or ShellEnded when
    // the shell is probably gone.
    void check();

private:
    using Clock = Deadline::Clock;

    std::string machine_;
    std::string command_;
    MachineProcess& process_;
    const Host& host_;
    Clock::time_point heard_ = Clock::now();
    bool warned_ = false;
    std::optional<std::string> doubt_;
    Clock::time_point doubted_since_;
};

} // namespace ntd::machine
