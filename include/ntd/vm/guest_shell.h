#pragma once

#include <ntd/os/byte_stream.h>
#include <ntd/vm/machine_process.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace ntd::vm {

struct ExecResult {
    int status = 0;
    std::string output; // any bytes
};

// Takes output as it comes; the guest waits for it. What it throws ends the command.
using OutputSink = std::function<void(std::string_view)>;

// Writes to a descriptor that somebody else owns.
OutputSink sink_to(int fd, os::Interrupt& interrupt);

// One of the two, or none.
struct CommandStreams {
    std::optional<std::string_view> input; // none: the guest's console
    OutputSink sink;                       // none: the output is part of the result
};

// The guest's root shell over one stream (proto/shell_codec.h says what is spoken). One command at
// a time: the machine gives callers their turn. Runs on the calling thread.
// Throws MachineDied, MachineError (the guest does not answer), ProtocolError.
class GuestShell {
public:
    GuestShell(std::string machine, MachineProcess& process, const Host& host)
        : machine_(std::move(machine)), process_(process), host_(host) {}

    // Over the deadline the command is ended in the guest, and the status is 124. The same, without
    // a result, when an interrupt ends the call.
    ExecResult run(os::ByteStream& stream,
                   std::string_view command,
                   Deadline deadline,
                   const CommandStreams& streams = {});

    // Starts a command of which nothing is wanted.
    void detach(os::ByteStream& stream, std::string_view command);

    // Makes a shell that has just said its greeting ready for commands.
    void set_up(os::ByteStream& stream);

private:
    struct Exchange; // one command and what has come back so far

    // `text` is about `command`, which errors name.
    void send(os::ByteStream& stream,
              std::string_view text,
              std::string_view command,
              Deadline deadline);

    // Reads until the status is there (true) or the deadline.
    bool receive(os::ByteStream& stream, Exchange& exchange, Deadline deadline);
    bool wait_for_end(os::ByteStream& stream, Exchange& exchange, Deadline deadline);
    void take_output(os::ByteStream& stream, Exchange& exchange);
    void warn_of_holders(Exchange& exchange) const;
    void end_command(os::ByteStream& stream, Exchange& exchange);
    void restart_worker(os::ByteStream& stream);

    std::string machine_;
    MachineProcess& process_;
    const Host& host_;
};

} // namespace ntd::vm
