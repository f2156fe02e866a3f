#include <ntd/vm/guest_shell.h>

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/proto/shell_codec.h>

#include <unistd.h>

#include <memory>

namespace ntd::vm {

namespace {

using namespace std::chrono_literals;

// How often a running command is looked at: does it still run, or does somebody hold its output?
constexpr auto probe_interval = 10s;

// How long a command has to end after SIGTERM before it is killed.
constexpr auto grace = 2s;

// How long the control shell, which has nothing else to do, may take to answer. A slow emulated
// guest under load needs some seconds.
constexpr auto answer_limit = 60s;

constexpr int timed_out = 124; // as timeout(1) has it

std::string shortened(std::string_view command) {
    constexpr std::size_t most = 200;
    return command.size() <= most ? std::string(command)
                                  : std::string(command.substr(0, most)) + "...";
}

std::string
line_for(std::string_view marker, std::string_view command, const CommandStreams& streams) {
    if (streams.input)
        return proto::shell_run_with_input(marker, command, *streams.input);
    return streams.sink ? proto::shell_run_paced(marker, command)
                        : proto::shell_run(marker, command);
}

} // namespace

struct GuestShell::Exchange {
    explicit Exchange(std::string_view text)
        : marker(proto::new_marker()), command(text), decoder(marker) {}

    std::string marker;
    std::string_view command;
    proto::ShellDecoder decoder;
    std::string output;
    OutputSink sink;
    bool sink_failed = false;
    std::int64_t unanswered = 0; // bytes of the output
};

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

ExecResult GuestShell::run(os::ByteStream& stream,
                           std::string_view command,
                           Deadline deadline,
                           const CommandStreams& streams) {
    Exchange exchange(command);
    exchange.sink = streams.sink;
    const auto text = line_for(exchange.marker, command, streams);
    try {
        send(stream, text, command, Deadline::never());
        if (wait_for_end(stream, exchange, deadline))
            return {*exchange.decoder.status(), std::move(exchange.output)};
        end_command(stream, exchange);
        return {timed_out, std::move(exchange.output)};
    } catch (const Error&) {
        if (exchange.sink_failed)
            end_command(stream, exchange);
        throw;
    } catch (...) { // an interrupt: the next command must find the shell free
        end_command(stream, exchange);
        throw;
    }
}

void GuestShell::detach(os::ByteStream& stream, std::string_view command) {
    send(stream, proto::shell_detach(command), command, Deadline::never());
}

void GuestShell::set_up(os::ByteStream& stream) {
    Exchange exchange("(preparing the shell)");
    send(stream, proto::shell_setup(exchange.marker), exchange.command, Deadline::never());
    if (!receive(stream, exchange, Deadline::after(answer_limit)))
        throw MachineError("machine '{}': the guest's root shell said its greeting, but does not "
                           "execute commands; is it bash?",
                           machine_);
}

void GuestShell::send(os::ByteStream& stream,
                      std::string_view text,
                      std::string_view command,
                      Deadline deadline) {
    if (host_.trace != nullptr)
        host_.trace->sent(machine_ + " shell", text);
    auto rest = text;
    try {
        if (stream.write_rest(rest, process_.exit_fd(), deadline, host_.interrupt) !=
            os::ByteStream::Outcome::data)
            process_.throw_died(
                fmt::format("while its shell was told of the command `{}`", shortened(command)));
    } catch (const Error&) {
        throw;
    } catch (...) { // an interrupt: without its rest, the text would swallow what is sent next
        os::Interrupt none;
        stream.write_rest(rest, process_.exit_fd(), Deadline::after(answer_limit), none);
        throw;
    }
}

bool GuestShell::receive(os::ByteStream& stream, Exchange& exchange, Deadline deadline) {
    std::string bytes;
    while (!exchange.decoder.status() && !exchange.decoder.worker_gone()) {
        bytes.clear();
        switch (stream.read_some(bytes, process_.exit_fd(), deadline, host_.interrupt)) {
        case os::ByteStream::Outcome::data:
            if (host_.trace != nullptr)
                host_.trace->received(machine_ + " shell", bytes);
            exchange.decoder.feed(bytes);
            take_output(stream, exchange);
            warn_of_holders(exchange);
            break;
        case os::ByteStream::Outcome::deadline:
            return false;
        case os::ByteStream::Outcome::closed:
            process_.throw_died(
                fmt::format("while running the command `{}`", shortened(exchange.command)));
        }
    }
    return true;
}

void GuestShell::take_output(os::ByteStream& stream, Exchange& exchange) {
    const auto output = exchange.decoder.take_output();
    if (!exchange.sink) {
        exchange.output += output;
        return;
    }
    exchange.sink_failed = true;
    exchange.sink(output);
    exchange.sink_failed = false;
    // A piece is there in full also when its last byte looks like the begin of a frame: the guest
    // sends nothing that could tell before it is answered.
    exchange.unanswered += static_cast<std::int64_t>(output.size());
    const auto held_back = static_cast<std::int64_t>(exchange.decoder.held_back());
    constexpr auto pace = static_cast<std::int64_t>(proto::pace);
    for (; exchange.unanswered + held_back >= pace; exchange.unanswered -= pace)
        send(stream, proto::shell_go_on(exchange.marker), exchange.command, Deadline::never());
}

void GuestShell::warn_of_holders(Exchange& exchange) const {
    const auto holders = exchange.decoder.take_holders();
    if (holders.empty())
        return;
    host_.log.line(machine_, log::Level::warning,
                   fmt::format("the command `{}` has ended, but its output is held open by: {}. "
                               "Waiting until they close it. (To leave a process in the "
                               "background, redirect its output: `... >&2 &`.)",
                               shortened(exchange.command), holders));
}

// As receive(), and every now and then asks the control shell what goes on.
bool GuestShell::wait_for_end(os::ByteStream& stream, Exchange& exchange, Deadline deadline) {
    while (!receive(stream, exchange, sooner(deadline, Deadline::after(probe_interval)))) {
        if (deadline.passed())
            return false;
        send(stream, proto::shell_probe(exchange.marker), exchange.command, Deadline::never());
    }
    if (exchange.decoder.worker_gone()) {
        restart_worker(stream);
        throw MachineError("machine '{}': the command `{}` ended the shell that ran it", machine_,
                           shortened(exchange.command));
    }
    return true;
}

void GuestShell::end_command(os::ByteStream& stream, Exchange& exchange) {
    if (exchange.sink)
        exchange.sink = [](std::string_view) {}; // nobody wants the rest
    send(stream, proto::shell_signal("TERM"), exchange.command, Deadline::after(answer_limit));
    if (!receive(stream, exchange, Deadline::after(grace)))
        restart_worker(stream);
}

void GuestShell::restart_worker(os::ByteStream& stream) {
    Exchange restart("(restarting the shell)");
    send(stream, proto::shell_restart(restart.marker), restart.command,
         Deadline::after(answer_limit));
    if (!receive(stream, restart, Deadline::after(answer_limit)))
        throw MachineError("machine '{}': the guest's shell does not answer any more", machine_);
}

} // namespace ntd::vm
