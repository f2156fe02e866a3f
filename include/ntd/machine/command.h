#pragma once

#include <ntd/machine/host.h>
#include <ntd/machine/turn.h>
#include <ntd/os/interrupt.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

// Commands in a guest: their input, output and result. Virtual machines and containers share this.
namespace ntd::machine {

struct ExecResult {
    int status = 0;
    std::string output; // any bytes
    bool timed_out = false;
};

// Called with each piece of output as it arrives. The guest waits until it returns. If it throws,
// the command ends.
using OutputSink = std::function<void(std::string_view)>;

// Returns a sink that writes to `fd`. The caller keeps the file descriptor open.
OutputSink sink_to(int fd, os::Interrupt& interrupt);

// How to end a command early that only waits: once another thread waits for `turn`, `lines` are
// sent to the control shell.
struct Hurry {
    std::string_view lines;
    Turn* turn;
};

// `input` and `sink` must not be set together.
struct CommandStreams {
    std::optional<std::string_view> input; // none: standard input is the guest's console
    OutputSink sink;                       // empty: the output is in the result
    bool simple = false;                   // see shell_run_simple(); for little output
    bool may_end_shell = false;            // the shell may end; the status is then -1
    std::optional<Hurry> hurry = {};
};

// Logs which processes still hold the output of a command that has ended. `holders` has the form
// "PID NAME, PID NAME".
void warn_of_holders(const Host& host,
                     const std::string& machine,
                     std::string_view command,
                     std::string_view holders);

// Throws MachineError if a command has more output than Host::max_output. `size` is the number of
// bytes so far.
void check_output_size(const Host& host,
                       const std::string& machine,
                       std::string_view command,
                       std::size_t size);

// The command as messages show it. A long one is cut.
std::string shortened(std::string_view command);

} // namespace ntd::machine
