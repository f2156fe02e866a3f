#pragma once

#include <ntd/machine/command.h>
#include <ntd/os/container_entry.h>

#include <string>
#include <string_view>

namespace ntd::nspawn {

// Runs root commands in a container. os::ContainerEntry starts a process in the container for each
// command, with bash (else sh) and a fresh environment. Any number of commands may run at a time,
// on any threads. Their background processes end with the container.
class ContainerShell {
public:
    // `init` must already execute a program of the container. It is in the cgroup of the directory
    // `cgroup`, or below it. Commands write standard error to the file descriptor `console`. Throws
    // SystemError.
    ContainerShell(
        std::string machine, pid_t init, int cgroup, int console, const machine::Host& host);

    // The status of a command that could not be started in the container. A command may also return
    // it itself.
    static constexpr int not_started = os::ContainerEntry::cannot_enter;

    const os::ContainerEntry& entry() const { return entry_; }

    // See GuestShell::run(). The status is 128 + N for a command that signal N killed. Throws
    // SystemError.
    machine::ExecResult run(std::string_view command,
                            Deadline deadline,
                            const machine::CommandStreams& streams = {}) const;

    // Starts a shell that runs `script` unchanged. With `output`, the shell writes to that file
    // descriptor, and its descendants are killed when the returned object is destroyed. By default
    // it writes to a pipe, and its descendants stay.
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
