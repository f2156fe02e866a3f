#pragma once

#include <ntd/base/deadline.h>
#include <ntd/base/error.h>
#include <ntd/machine/machine_process.h>

#include <optional>
#include <string>

namespace ntd::machine {

// A guest's root shell is gone, while its machine may go on.
class ShellEnded : public MachineError {
    using MachineError::MachineError;
};

// With a guest's root shell that owes us an answer. It may be slow, or paused by the script, and
// has five minutes (Host::silence); but if there is reason to think that it is gone, two seconds.
class Patience {
public:
    // `command` is what the shell is busy with, for messages.
    Patience(std::string machine, std::string command, MachineProcess& process, const Host& host);

    // It has said something, or taken some of what it is sent.
    void heard() noexcept;

    // Why it may be gone, as a line of the console.
    void doubt(std::string why);
    bool doubts() const { return doubt_.has_value(); }

    // When to check() next.
    Deadline next() const;

    // Warns once in a while. Throws MachineError, or ShellEnded, when the patience is at its end.
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
