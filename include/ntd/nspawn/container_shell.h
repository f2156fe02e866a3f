#pragma once

#include <ntd/machine/command.h>
#include <ntd/os/container_entry.h>

#include <string>
#include <string_view>

namespace ntd::nspawn {

// Root commands in a container, run from outside: each is a process that os::ContainerEntry puts
// there, with bash (else sh) and an environment of its own. Any number of them may run at a time,
// on any threads. What they leave in the background ends with the container.
class ContainerShell {
public:
    // `init` executes a program of the container already, and is in the cgroup of the directory
    // `cgroup` or below it. Standard error of the commands goes to the descriptor `console`. Throws
    // SystemError.
    ContainerShell(
        std::string machine, pid_t init, int cgroup, int console, const machine::Host& host);

    // What a command ends with, perhaps, that could not be started in there.
    static constexpr int not_started = os::ContainerEntry::cannot_enter;

    const os::ContainerEntry& entry() const { return entry_; }

    // As GuestShell::run(). A death by signal N is the status 128 + N. Throws SystemError.
    machine::ExecResult run(std::string_view command,
                            Deadline deadline,
                            const machine::CommandStreams& streams = {}) const;

    // Starts a shell that runs `script` as it is. What it writes goes to the descriptor `output`,
    // and all that it has started ends with the result; by default there is a pipe, and that stays.
    os::ChildProcess
    start(std::string_view script, std::string_view input = {}, int output = -1) const;

private:
    struct Exchange;

    bool receive(Exchange& exchange, Deadline deadline) const;
    void take_output(Exchange& exchange) const;
    void end_command(Exchange& exchange) const noexcept;

    std::string machine_;
    os::ContainerEntry entry_;
    UniqueFd cgroup_;
    int console_;
    const machine::Host& host_;
};

} // namespace ntd::nspawn
