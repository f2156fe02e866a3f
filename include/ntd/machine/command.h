#pragma once

#include <ntd/machine/host.h>
#include <ntd/machine/turn.h>
#include <ntd/os/interrupt.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

// A command in a guest: what it is given, and what it says. Virtual machines and containers.
namespace ntd::machine {

struct ExecResult {
    int status = 0;
    std::string output; // any bytes
    bool timed_out = false;
};

// Takes output as it comes; the guest waits for it. What it throws ends the command.
using OutputSink = std::function<void(std::string_view)>;

// Writes to a descriptor that somebody else owns.
OutputSink sink_to(int fd, os::Interrupt& interrupt);

// Of a command that waits for something and can be told to end soon: what that takes, lines for the
// control shell, and whose turn others may want meanwhile.
struct Hurry {
    std::string_view lines;
    Turn* turn;
};

// One of the first two, or none.
struct CommandStreams {
    std::optional<std::string_view> input; // none: the guest's console
    OutputSink sink;                       // none: the output is part of the result
    bool simple = false;                   // see shell_run_simple(); little output
    bool may_end_shell = false;            // the end of the shell is that of the output: status -1
    std::optional<Hurry> hurry = {};
};

// Says in the log who keeps a command that has ended waiting, as "PID NAME, PID NAME".
void warn_of_holders(const Host& host,
                     const std::string& machine,
                     std::string_view command,
                     std::string_view holders);

// Throws MachineError if the output of a command, which has so many bytes so far, is more than the
// host is to keep.
void check_output_size(const Host& host,
                       const std::string& machine,
                       std::string_view command,
                       std::size_t size);

// A command for a message: its begin, if it is long.
std::string shortened(std::string_view command);

} // namespace ntd::machine
