#pragma once

#include <ntd/os/broadcast.h>
#include <ntd/os/byte_stream.h>
#include <ntd/proto/shell_codec.h>
#include <ntd/vm/machine_process.h>

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace ntd::vm {

struct ExecResult {
    int status = 0;
    std::string output; // any bytes
    bool timed_out = false;
};

// Takes output as it comes; the guest waits for it. What it throws ends the command.
using OutputSink = std::function<void(std::string_view)>;

// Writes to a descriptor that somebody else owns.
OutputSink sink_to(int fd, os::Interrupt& interrupt);

// One of them, or none.
struct CommandStreams {
    std::optional<std::string_view> input; // none: the guest's console
    OutputSink sink;                       // none: the output is part of the result
    bool simple = false;                   // see shell_run_simple(); little output
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

// The guest's root shell (proto/shell_codec.h says what is spoken). One command at a time: the
// machine gives callers their turn. Runs on the calling thread, but for reset().
// Throws MachineDied, MachineError (the guest does not answer, the shell has ended), ProtocolError.
class GuestShell {
public:
    // `line` is hvc0, which QEMU keeps open, or a connection over a vsock, which ends with the
    // shell.
    enum class Channel { virtconsole, vsock };
    GuestShell(std::string machine,
               os::ByteStream line,
               MachineProcess& process,
               const Host& host,
               Channel channel = Channel::virtconsole)
        : machine_(std::move(machine)), line_(std::move(line)), channel_(channel),
          process_(process), host_(host) {}

    // The virtio-serial port beside it, or nothing. Before the first set_up().
    void attach_port(os::ByteStream port) { port_ = std::move(port); }

    // Over the deadline the command is ended in the guest, and the status is 124. The same, without
    // a result, when an interrupt ends the call.
    ExecResult run(std::string_view command, Deadline deadline, const CommandStreams& streams = {});

    // Appends bytes to a file of the guest. The status is 1 if they cannot be stored; the output
    // says why.
    ExecResult store(const std::string& file, std::string_view bytes);

    // Starts a command of which nothing is wanted.
    void detach(std::string_view command);

    // Makes a shell that has just said its greeting ready for commands.
    void set_up();

    // Whether the shell is still there, as far as can be told without asking it, and says nothing.
    bool is_idle() const;

    // The guest starts anew: ends what waits for the old shell. From any thread.
    void reset() noexcept;

    os::ByteStream& line() { return line_; }

private:
    struct Exchange; // one command and what has come back so far

    // Where answers come from and bulk input goes.
    os::ByteStream& bulk() { return guest_has_port_ ? port_ : line_; }

    // `text` is about `command`, which errors name.
    void send(const proto::ShellText& text, std::string_view command);
    void send_to(os::ByteStream& stream,
                 std::string_view bytes,
                 std::string_view command,
                 Deadline deadline);

    ExecResult complete(Exchange& exchange, const proto::ShellText& text, Deadline deadline);
    proto::ShellText text_for(const Exchange& exchange, const CommandStreams& streams) const;

    // Reads until the status is there (true) or the deadline.
    bool receive(Exchange& exchange, Deadline deadline);
    bool receive_some(Exchange& exchange, Deadline deadline);
    void settle(Exchange& exchange);
    bool wait_for_end(Exchange& exchange, Deadline deadline);
    void check_answers(Exchange& exchange) const;
    void take_output(Exchange& exchange);
    void pass_on_output(Exchange& exchange);

    // What still comes of the output may be part of the result, or not.
    enum class Remainder { wanted, unwanted };
    void end_command(Exchange& exchange, Remainder remainder);
    void restart_worker();

    [[noreturn]] void throw_closed(std::string_view doing);

    std::string machine_;
    std::string trace_name_ = machine_ + " shell";
    os::ByteStream line_;
    Channel channel_;
    os::ByteStream port_;
    bool guest_has_port_ = false;
    os::Broadcast resets_;
    os::Broadcast::Listener reset_heard_{resets_}; // of whose turn it is
    std::atomic<bool> was_reset_ = false;
    MachineProcess& process_;
    const Host& host_;
};

} // namespace ntd::vm
