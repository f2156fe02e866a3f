#pragma once

#include <ntd/vm/guest_shell.h>

#include <string>
#include <string_view>

namespace ntd::vm {

// Root commands in a container, run from outside: each is a process that nsenter(1) puts into the
// namespaces of the container's init, with bash (else sh) and an environment of its own. Any number
// of them may run at a time, on any threads. What they leave in the background ends with the
// container.
class ContainerShell {
public:
    // Standard error of the commands goes to the descriptor `console`.
    ContainerShell(std::string machine, pid_t init, int console, const Host& host)
        : machine_(std::move(machine)), init_(init), console_(console), host_(host) {}

    // As GuestShell::run(). A death by signal N is the status 128 + N. Throws SystemError.
    ExecResult
    run(std::string_view command, Deadline deadline, const CommandStreams& streams = {}) const;

    // The process that runs `script`, a shell's, as it is.
    os::ProcessSpec process(std::string_view script) const;

private:
    struct Exchange;

    bool receive(Exchange& exchange, Deadline deadline) const;
    void take_output(Exchange& exchange) const;
    void end_command(Exchange& exchange) const noexcept;

    std::string machine_;
    pid_t init_;
    int console_;
    const Host& host_;
};

} // namespace ntd::vm
