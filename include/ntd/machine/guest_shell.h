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

// The shell has ended before it got the command, which may be given to the next one.
class CommandNotGiven : public ShellEnded {
    using ShellEnded::ShellEnded;
};

// The guest's root shell (proto/shell_codec.h says what is spoken). One command at a time: the
// machine gives callers their turn. Runs on the calling thread, but for reset() and port_changed(),
// and for what is done ahead of the first call: see listen_ahead().
//
// Every send and every answer has an end: the command's deadline, the interrupt, the end of QEMU, a
// reset, another shell in place of this one, its silence (Patience). A command that is given up is
// stopped in the guest, and what it still says is passed over by the next one: see recover().
// Throws MachineDied, MachineError (the guest does not answer, the shell has ended), ProtocolError.
class GuestShell {
public:
    // `line` is hvc0, which QEMU keeps open, or a connection over a vsock, which ends with the
    // shell.
    enum class Transport { virtconsole, vsock };
    GuestShell(std::string machine,
               os::ByteStream line,
               MachineProcess& process,
               const Host& host,
               Transport transport = Transport::virtconsole);

    // The virtio-serial port beside it, or nothing. Before the first set_up().
    void attach_port(os::ByteStream port) { port_ = os::Channel(std::move(port)); }

    // Over the deadline the command is ended in the guest, and the status is 124. The same, without
    // a result, when an interrupt ends the call.
    ExecResult run(std::string_view command, Deadline deadline, const CommandStreams& streams = {});

    // Appends bytes to a file of the guest. The status is 1 if they cannot be stored; the output
    // says why.
    ExecResult store(const std::string& file, std::string_view bytes, Deadline deadline);

    // Starts a command of which nothing is wanted.
    void detach(std::string_view command, Deadline deadline);

    // Has the I/O thread listen, and tell the first shell that greets how to get ready, so that
    // machines that boot at the same time get ready at the same time. After attach_port().
    void listen_ahead();

    // Ends that, and begins the calls of all others. Whether a shell has greeted meanwhile.
    bool take_over();

    // Takes what the guest has said before its shell is ready, without waiting. Whether a shell
    // has said its greeting since forget_greeting(), or since another one was found in its place.
    // `doing` is for MachineDied.
    bool listen(std::string_view doing);
    bool has_greeted() const { return has_greeted_; }

    // Whether the last greeting was read after that time. From any thread.
    bool has_greeted_since(std::chrono::system_clock::time_point time) const {
        return greeted_at_.load() >= time;
    }
    void forget_greeting();
    const std::string& greeting() const { return greeting_; } // and what was said before it

    // Makes a shell that has just said its greeting ready for commands.
    void set_up();
    bool is_ready() const { return is_ready_ && !was_reset_; }
    void expect_another() { is_ready_ = false; } // which has to be set up

    // Whether the shell is still there, as far as can be told without asking it, and says nothing.
    bool is_idle() const;

    // The guest starts anew: ends what waits for the old shell. From any thread.
    void reset() noexcept;

    // The guest has opened or closed the port. From any thread.
    void port_changed(bool open) noexcept;

    int line_fd() const { return line_.fd(); }

private:
    struct Exchange; // one command and what has come back so far

    // Where answers come from and bulk input goes.
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
    std::string heard_; // on the line, from nobody that was asked
    std::string greeting_;

    std::string asked_ahead_; // the marker of what on_line() has sent, and nobody has awaited

    // What was given up and may still say something: the answer to shell_stop() is behind that.
    std::string stop_; // its marker
    std::optional<proto::ShellDecoder> leftover_;
    std::string given_up_bulk_; // what ends bulk input, once the guest has got so many bytes more:
    std::size_t missing_bulk_ = 0;

    std::vector<std::string> detached_; // that the worker was given, but for the first ones

    os::Broadcast signs_; // something to look at besides what comes
    os::Broadcast::Listener sign_seen_{signs_};
    os::Broadcast::Listener alarm_heard_;
    std::size_t alarms_ = 0; // that have been looked at
    std::atomic<bool> was_reset_ = false;
    std::atomic<bool> port_is_closed_ = false;
    MachineProcess& process_;
    const Host& host_;
    os::EventLoop::Watch ahead_; // last: it uses all of the above
};

} // namespace ntd::machine
