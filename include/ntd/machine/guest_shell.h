#pragma once

#include <ntd/machine/command.h>
#include <ntd/machine/machine_process.h>
#include <ntd/machine/patience.h>
#include <ntd/os/broadcast.h>
#include <ntd/os/channel.h>
#include <ntd/os/event_loop.h>
#include <ntd/proto/shell_codec.h>
#include <ntd/proto/shell_decoder.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ntd::machine {

// The shell ended before it got the command. The caller may give the command to the next shell.
class CommandNotGiven : public ShellEnded {
    using ShellEnded::ShellEnded;
};

// The guest's root shell; proto/shell_codec.h describes the protocol. It runs one command at a
// time: the machine serializes its callers. Everything runs on the calling thread, except reset(),
// port_changed(), and what happens before the first call (see listen_ahead()).
//
// Every send and every wait for an answer is bounded. It ends at the command's deadline, at an
// interrupt, when QEMU ends, at a reset, when another shell replaces this one, or when the shell is
// silent for too long (Patience). A command that is given up is stopped in the guest. The next
// command skips its remaining output: see recover().
// Throws MachineDied, MachineError (the guest does not answer, or the shell has ended),
// ProtocolError.
class GuestShell {
public:
    // `line` is either hvc0, which QEMU keeps open, or a vsock connection, which closes when the
    // shell ends.
    enum class Transport { virtconsole, vsock };
    GuestShell(std::string machine,
               os::ByteStream line,
               MachineProcess& process,
               const Host& host,
               Transport transport = Transport::virtconsole);

    // Sets the virtio-serial port for bulk data, if there is one. Call it before the first
    // set_up().
    void attach_port(os::ByteStream port) { port_ = os::Channel(std::move(port)); }

    // Runs a command and returns its result. At the deadline the command is stopped in the guest,
    // and the status is 124. An interrupt stops the command, too, and throws.
    ExecResult run(std::string_view command, Deadline deadline, const CommandStreams& streams = {});

    // Appends bytes to a file of the guest. If that fails, the status is 1 and the output says why.
    ExecResult store(const std::string& file, std::string_view bytes, Deadline deadline);

    // Starts a command without waiting for it. Its output and status are dropped.
    void detach(std::string_view command, Deadline deadline);

    // Lets the I/O thread read the line and send the set-up to the first shell that greets. So
    // machines that boot at the same time also set up at the same time. Call it after
    // attach_port().
    void listen_ahead();

    // Ends listen_ahead(). From then on all other calls are allowed. Returns whether a shell has
    // greeted meanwhile.
    bool take_over();

    // Reads what the guest has sent before its shell is ready, without waiting. Returns whether a
    // shell has greeted since forget_greeting(), or since another shell was found in its place.
    // `doing` is for the message of MachineDied.
    bool listen(std::string_view doing);
    bool has_greeted() const { return has_greeted_; }

    // Whether the last greeting was read at that time or later. May be called from any thread.
    bool has_greeted_since(std::chrono::system_clock::time_point time) const {
        return greeted_at_.load() >= time;
    }
    void forget_greeting();
    const std::string& greeting() const { return greeting_; } // with the text before it

    // Prepares a shell that has just greeted for commands.
    void set_up();
    bool is_ready() const { return is_ready_ && !was_reset_; }
    void expect_another() { is_ready_ = false; } // the next shell must be set up

    // Whether the shell is still there and has sent nothing, as far as the channels show without
    // asking it.
    bool is_idle() const;

    // The guest was reset: ends every wait for the old shell. May be called from any thread.
    void reset() noexcept;

    // The guest has opened or closed the port. May be called from any thread.
    void port_changed(bool open) noexcept;

    int line_fd() const { return line_.fd(); }

private:
    struct Exchange; // one command and its answer so far

    // The channel for answers and bulk input.
    os::Channel& bulk() { return guest_has_port_ ? port_ : line_; }
    os::Ends ends(Deadline deadline) const;

    // These return false at the deadline.
    bool send_text(Exchange& exchange, const proto::ShellText& text, Deadline deadline);
    bool send(os::Channel& channel, std::string_view bytes, Exchange& exchange, Deadline deadline);
    bool wait_for_end(Exchange& exchange, Deadline deadline);
    bool wait_until_over(Exchange& exchange, Deadline deadline);
    bool recover(Deadline deadline);
    bool end_leftover(Deadline deadline);
    bool recover_bulk(Exchange& exchange, Deadline deadline);

    ExecResult complete(Exchange& exchange, const proto::ShellText& text, Deadline deadline);
    proto::ShellText text_for(const Exchange& exchange, const CommandStreams& streams) const;

    std::string set_up_text(std::string_view marker, std::string_view prefix) const;
    bool try_to_set_up(std::string_view prefix);
    bool on_line();
    void hear(std::string_view bytes);
    void receive_some(Exchange& exchange, Deadline deadline);
    void receive_bulk(Exchange& exchange);
    void look_around(Exchange& exchange);
    void ask(Exchange& exchange);
    void settle(Exchange& exchange);
    void warn_of_new_worker();
    void take_output(Exchange& exchange);
    void hurry(Exchange& exchange);
    void pass_on_output(Exchange& exchange);
    void note_greeting();
    void look_for_greeting(std::string_view output, const Exchange& exchange);
    void meet_new_shell(const Exchange& exchange);
    void leave(const Exchange& exchange) noexcept;
    void give_up() noexcept;

    [[noreturn]] void throw_replaced(const Exchange& exchange);
    [[noreturn]] void throw_closed(std::string_view doing);

    std::string machine_;
    std::string trace_name_ = machine_ + " shell";
    os::Channel line_;
    Transport transport_;
    os::Channel port_;
    bool guest_has_port_ = false;
    bool is_ready_ = false;
    std::atomic<bool> has_greeted_ = false; // a reset makes it false
    std::atomic<std::chrono::system_clock::time_point> greeted_at_{};
    std::string heard_; // output that nobody asked for; it may contain a greeting
    std::string greeting_;

    // The marker of the set-up that on_line() has sent, until its answer was awaited.
    std::string asked_ahead_;

    // A command that was given up may still send output. Everything before the answer to
    // shell_stop() is skipped.
    std::string stop_; // marker of shell_stop()
    std::optional<proto::ShellDecoder> leftover_;
    // Ends the bulk input that was given up. It is sent after `missing_bulk_` more bytes, for which
    // the guest still waits.
    std::string given_up_bulk_;
    std::size_t missing_bulk_ = 0;

    std::vector<std::string> detached_; // given to the worker; only the last ones

    os::Broadcast signs_; // wakes waits for reasons other than input
    os::Broadcast::Listener sign_seen_{signs_};
    os::Broadcast::Listener alarm_heard_;
    std::size_t alarms_ = 0; // handled so far
    std::atomic<bool> was_reset_ = false;
    std::atomic<bool> port_is_closed_ = false;
    MachineProcess& process_;
    const Host& host_;
    os::EventLoop::Watch ahead_; // last: its callback uses the other members
};

} // namespace ntd::machine
