#include <ntd/vm/guest_shell.h>

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/os/wait.h>

#include <unistd.h>

#include <exception>
#include <memory>

namespace ntd::vm {

namespace {

using namespace std::chrono_literals;

// How often a running command is looked at: is its shell still there?
constexpr auto ping_interval = 1s;

// And every so many times also: has it ended, and does somebody hold its output?
constexpr int pings_per_probe = 10;

// A guest that does not answer may be suspended, or stopped by the script: somebody may wake it.
constexpr auto silence_warning = 60s;
constexpr auto silence_limit = 300s;

// How long a command has to end after SIGTERM before it is killed.
constexpr auto grace = 2s;

// How long the control shell, which has nothing else to do, may take to answer. A slow emulated
// guest under load needs some seconds.
constexpr auto answer_limit = 60s;

constexpr int timed_out = 124; // as timeout(1) has it

} // namespace

std::string shortened(std::string_view command) {
    constexpr std::size_t most = 200;
    return command.size() <= most ? std::string(command)
                                  : std::string(command.substr(0, most)) + "...";
}

struct GuestShell::Exchange {
    explicit Exchange(std::string_view text)
        : marker(proto::new_marker()), command(text), decoder(marker) {}

    std::string marker;
    std::string_view command;
    proto::ShellDecoder decoder;
    std::string received; // at the last reading; its memory is used again
    std::string output;   // what has been taken from the decoder
    OutputSink sink;
    bool discards = false;       // nobody wants the output
    bool must_end = false;       // an error is no reason for the command to end by itself
    std::int64_t unanswered = 0; // bytes of the output
    int pings = 0;
    std::size_t frames = 0; // that had come when the shell last said something
    Deadline::Clock::time_point heard = Deadline::Clock::now();
    bool warned_of_silence = false;

    std::string take_all_output() {
        if (output.empty())
            return decoder.take_output();
        return std::move(output += decoder.take_output());
    }
};

void check_output_size(const Host& host,
                       const std::string& machine,
                       std::string_view command,
                       std::size_t size) {
    if (size > host.max_output)
        throw MachineError("machine '{}': the command `{}` was ended: its output is more than {} "
                           "bytes (--max-output), which is all that may be kept in memory; have "
                           "it written to a file, and copy that",
                           machine, shortened(command), host.max_output);
}

void warn_of_holders(const Host& host,
                     const std::string& machine,
                     std::string_view command,
                     std::string_view holders) {
    if (holders.empty())
        return;
    host.log.line(machine, log::Level::warning,
                  fmt::format("the command `{}` has ended, but its output is held open by: {}. "
                              "Waiting until they close it. (To leave a process in the "
                              "background, redirect its output: `... >&2 &`.)",
                              shortened(command), shortened(holders)));
}

OutputSink sink_to(int fd, os::Interrupt& interrupt) {
    auto file = std::make_shared<os::ByteStream>(UniqueFd(::dup(fd)));
    if (!*file)
        throw_errno("duplicate descriptor {}", fd);
    return [file, &interrupt](std::string_view bytes) {
        if (file->write_all(bytes, -1, Deadline::never(), interrupt) ==
            os::ByteStream::Outcome::closed)
            throw SystemError(EPIPE, "write the output of a command");
    };
}

ExecResult
GuestShell::run(std::string_view command, Deadline deadline, const CommandStreams& streams) {
    Exchange exchange(command);
    exchange.sink = streams.sink;
    return complete(exchange, text_for(exchange, streams), deadline);
}

ExecResult GuestShell::store(const std::string& file, std::string_view bytes) {
    const auto what = fmt::format("(storing {} bytes in {})", bytes.size(), file);
    Exchange exchange(what);
    return complete(exchange, proto::shell_store(exchange.marker, file, bytes), Deadline::never());
}

ExecResult
GuestShell::complete(Exchange& exchange, const proto::ShellText& text, Deadline deadline) {
    if (process_.child().poll()) // its sockets may still take what is sent
        process_.throw_died(
            fmt::format("before it was given the command `{}`", shortened(exchange.command)));
    try {
        send(text, exchange.command);
        if (wait_for_end(exchange, deadline))
            return {*exchange.decoder.status(), exchange.take_all_output()};
        end_command(exchange, Remainder::wanted);
        return {timed_out, exchange.take_all_output(), true};
    } catch (const Error&) {
        if (exchange.must_end)
            end_command(exchange, Remainder::unwanted);
        throw;
    } catch (...) { // an interrupt: the next command must find the shell free
        end_command(exchange, Remainder::unwanted);
        throw;
    }
}

proto::ShellText GuestShell::text_for(const Exchange& exchange,
                                      const CommandStreams& streams) const {
    if (streams.input)
        return proto::shell_run_with_input(exchange.marker, exchange.command, *streams.input);
    if (streams.simple)
        return proto::shell_run_simple(exchange.marker, exchange.command);
    if (!streams.sink)
        return proto::shell_run(exchange.marker, exchange.command);
    return guest_has_port_ ? proto::shell_run_direct(exchange.marker, exchange.command)
                           : proto::shell_run_paced(exchange.marker, exchange.command);
}

void GuestShell::detach(std::string_view command) {
    send_to(line_, proto::shell_detach(command), command, Deadline::never());
}

void GuestShell::set_up() {
    Exchange exchange("(preparing the shell)");
    exchange.discards = true;
    guest_has_port_ = false;
    if (channel_ == Channel::virtconsole) // a connection is of one boot
        was_reset_ = false;
    reset_heard_.reset(); // afterwards: what comes in between is seen in was_reset_
    const auto deadline = Deadline::after(answer_limit);
    if (port_)
        send_to(port_, proto::shell_sync(exchange.marker), exchange.command, deadline);
    const auto port = port_ ? proto::ShellPort::perhaps : proto::ShellPort::none;
    send_to(line_, proto::shell_setup(exchange.marker, port), exchange.command, deadline);
    if (!receive(exchange, deadline))
        throw MachineError("machine '{}': the guest's root shell said its greeting, but does not "
                           "execute commands; is it bash?",
                           machine_);
    guest_has_port_ = port_ && exchange.decoder.status() == 1;
}

bool GuestShell::is_idle() const {
    os::Interrupt none;
    return !was_reset_ && !os::wait_readable({line_.fd()}, Deadline::after(0s), none);
}

// The line of a virtconsole ends with QEMU alone.
void GuestShell::throw_closed(std::string_view doing) {
    if (channel_ == Channel::virtconsole)
        process_.throw_died(doing);
    process_.check_ending(doing);
    throw MachineError("machine '{}': the guest's root shell has ended {}", machine_, doing);
}

void GuestShell::reset() noexcept {
    was_reset_ = true;
    resets_.notify();
}

// The guest waits for all parts once it has one: an interrupt is for afterwards.
void GuestShell::send(const proto::ShellText& text, std::string_view command) {
    std::exception_ptr interrupted;
    const auto part = [&](os::ByteStream& stream, std::string_view bytes) {
        try {
            send_to(stream, bytes, command, Deadline::never());
        } catch (const Error&) {
            throw;
        } catch (...) {
            interrupted = std::current_exception();
        }
    };
    part(line_, text.lines);
    part(bulk(), text.bulk);
    part(bulk(), text.behind);
    if (interrupted)
        std::rethrow_exception(interrupted);
}

void GuestShell::send_to(os::ByteStream& stream,
                         std::string_view bytes,
                         std::string_view command,
                         Deadline deadline) {
    if (bytes.empty())
        return;
    host_.trace_sent(trace_name_, bytes);
    auto rest = bytes;
    try {
        if (stream.write_rest(rest, process_.exit_fd(), deadline, host_.interrupt) !=
            os::ByteStream::Outcome::data)
            throw_closed(
                fmt::format("while its shell was told of the command `{}`", shortened(command)));
    } catch (const Error&) {
        throw;
    } catch (...) { // an interrupt: without its rest, the text would swallow what is sent next
        os::Interrupt none;
        stream.write_rest(rest, process_.exit_fd(), Deadline::after(answer_limit), none);
        throw;
    }
}

bool GuestShell::receive(Exchange& exchange, Deadline deadline) {
    const auto is_there = [&] {
        return exchange.decoder.status() || exchange.decoder.worker_gone();
    };
    while (!is_there())
        if (!receive_some(exchange, deadline) || (deadline.passed() && !is_there()))
            return false; // a guest that never stops to send is no reason to stay
    return true;
}

bool GuestShell::receive_some(Exchange& exchange, Deadline deadline) {
    if (was_reset_)
        throw MachineError("machine '{}': the guest was reset while running the command `{}`",
                           machine_, shortened(exchange.command));
    const auto ready = os::wait_readable({bulk().fd(), process_.exit_fd(), reset_heard_.fd()},
                                         deadline, host_.interrupt);
    if (!ready)
        return false;
    auto& bytes = exchange.received;
    bytes.clear();
    const auto outcome = bulk().read_ready(bytes);
    if (outcome == os::ByteStream::Outcome::closed || (bytes.empty() && ready == 1U))
        throw_closed(fmt::format("while running the command `{}`", shortened(exchange.command)));
    host_.trace_received(trace_name_, bytes);
    exchange.decoder.feed(bytes);
    take_output(exchange);
    warn_of_holders(host_, machine_, exchange.command, exchange.decoder.take_holders());
    return true;
}

void GuestShell::take_output(Exchange& exchange) {
    if (exchange.discards) {
        exchange.decoder.take_output();
    } else if (exchange.sink) {
        pass_on_output(exchange);
    } else {
        exchange.must_end = true;
        check_output_size(host_, machine_, exchange.command,
                          exchange.output.size() + exchange.decoder.output_size());
        exchange.must_end = false;
        if (!host_.stream_output)
            return; // it can stay with the decoder until the end
        const auto output = exchange.decoder.take_output();
        if (!output.empty())
            host_.log.output(machine_, output);
        exchange.output += output;
    }
}

void GuestShell::pass_on_output(Exchange& exchange) {
    const auto output = exchange.decoder.take_output();
    exchange.must_end = true;
    exchange.sink(output);
    exchange.must_end = false;
    if (guest_has_port_)
        return; // nothing gets lost
    // A piece is there in full also when its last byte looks like the begin of a frame: the guest
    // sends nothing that could tell before it is answered.
    exchange.unanswered += static_cast<std::int64_t>(output.size());
    const auto held_back = static_cast<std::int64_t>(exchange.decoder.held_back());
    constexpr auto pace = static_cast<std::int64_t>(proto::pace);
    for (; exchange.unanswered + held_back >= pace; exchange.unanswered -= pace)
        send_to(line_, proto::shell_go_on(exchange.marker), exchange.command, Deadline::never());
}

// As receive(), and every now and then asks the control shell what goes on.
bool GuestShell::wait_for_end(Exchange& exchange, Deadline deadline) {
    while (!receive(exchange, sooner(deadline, Deadline::after(ping_interval)))) {
        if (deadline.passed())
            return false;
        check_answers(exchange);
        const bool probe = ++exchange.pings % pings_per_probe == 0;
        send_to(line_,
                probe ? proto::shell_probe(exchange.marker) : proto::shell_ping(exchange.marker),
                exchange.command, sooner(deadline, Deadline::after(silence_limit)));
    }
    if (exchange.decoder.worker_gone()) {
        restart_worker();
        throw MachineError("machine '{}': the command `{}` ended the shell that ran it", machine_,
                           shortened(exchange.command));
    }
    settle(exchange);
    return true;
}

// What the shell was asked last it may answer behind the status. The next command would take that
// for its output.
void GuestShell::settle(Exchange& exchange) {
    const auto deadline = Deadline::after(answer_limit);
    while (exchange.decoder.answers() < exchange.pings && !deadline.passed() &&
           receive_some(exchange, deadline)) {
    }
}

void GuestShell::check_answers(Exchange& exchange) const {
    const auto now = Deadline::Clock::now();
    if (exchange.pings == 0 || exchange.decoder.frames() != exchange.frames) {
        exchange.frames = exchange.decoder.frames();
        exchange.heard = now;
        exchange.warned_of_silence = false;
        return;
    }
    const Seconds silence = now - exchange.heard;
    if (silence > silence_limit)
        throw MachineError("machine '{}': the guest's root shell has not answered for {:.0f} "
                           "seconds while running the command `{}`; its last output was:\n{}",
                           machine_, silence.count(), shortened(exchange.command),
                           process_.console().tail());
    if (silence > silence_warning && !exchange.warned_of_silence) {
        exchange.warned_of_silence = true;
        host_.log.line(machine_, log::Level::warning,
                       fmt::format("the guest's root shell has not answered for {:.0f} seconds "
                                   "while running the command `{}`; waiting up to {} seconds",
                                   silence.count(), shortened(exchange.command),
                                   silence_limit.count()));
    }
}

void GuestShell::end_command(Exchange& exchange, Remainder remainder) {
    // What such a command has started writes to the port itself, and may have missed the signal:
    // the next command must not get that as its output.
    const bool may_go_on = exchange.sink && guest_has_port_;
    if (exchange.sink)
        exchange.sink = [](std::string_view) {}; // its pieces are still to be answered
    else if (remainder == Remainder::unwanted)
        exchange.discards = true;
    send_to(line_, proto::shell_end(), exchange.command, Deadline::after(answer_limit));
    if (receive(exchange, Deadline::after(grace)) && !exchange.decoder.worker_gone() && !may_go_on)
        settle(exchange);
    else
        restart_worker();
}

void GuestShell::restart_worker() {
    Exchange restart("(restarting the shell)");
    restart.discards = true;
    send_to(line_, proto::shell_restart(restart.marker), restart.command,
            Deadline::after(answer_limit));
    if (!receive(restart, Deadline::after(answer_limit)))
        throw MachineError("machine '{}': the guest's shell does not answer any more", machine_);
}

} // namespace ntd::vm
