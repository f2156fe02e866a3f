#include "exchange.h"

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/trace/trace.h>

#include <algorithm>

namespace ntd::machine {

namespace {

using namespace std::chrono_literals;

// How often to check, while a command runs, that its shell is still there.
constexpr auto question_interval = 1s;

// Every so many checks, also ask whether the command has ended and another process holds its
// output.
constexpr int questions_per_probe = 10;

// How long to wait after the deadline for the last output of a command that is being stopped.
constexpr Seconds last_output_limit = 1s;

// How long to wait for the shell's answer to its last question.
constexpr Seconds last_answer_limit = 2s;

// Bulk input is sent in pieces of this size. No more than one is kept when the input is given up.
constexpr std::size_t piece_of_bulk = std::size_t{1} << 20;

// The number of detached commands to remember: messages name them if one may have ended the shell.
constexpr std::size_t most_detached = 3;

constexpr int timed_out = 124; // the status of timeout(1)
constexpr int shell_ended = -1;

// The output of a shell up to its end. Without a port, the greeting of the next shell may follow
// it.
std::string before_greeting(std::string output) {
    output.resize(std::min(output.size(), output.rfind(proto::shell_greeting)));
    return output;
}

bool is_end_of_shell(const MachineError& error) {
    return dynamic_cast<const MachineDied*>(&error) != nullptr ||
           dynamic_cast<const ShellEnded*>(&error) != nullptr;
}

} // namespace

GuestShell::GuestShell(std::string machine,
                       os::ByteStream line,
                       MachineProcess& process,
                       const Host& host,
                       Transport transport)
    : machine_(std::move(machine)), line_(std::move(line)), transport_(transport),
      alarm_heard_(process.console().alarms()), process_(process), host_(host) {}

os::Ends GuestShell::ends(Deadline deadline) const {
    return {deadline, host_.interrupt, {process_.exit_fd(), sign_seen_.fd(), alarm_heard_.fd()}};
}

ExecResult
GuestShell::run(std::string_view command, Deadline deadline, const CommandStreams& streams) {
    Exchange exchange(command, *this);
    exchange.sink = streams.sink;
    exchange.may_end_shell = streams.may_end_shell;
    exchange.hurry = streams.hurry;
    if (streams.hurry)
        exchange.wanted.emplace(streams.hurry->turn->wanted());
    meet_new_shell(exchange); // the new shell may have no port
    return complete(exchange, text_for(exchange, streams), deadline);
}

ExecResult GuestShell::store(const std::string& file, std::string_view bytes, Deadline deadline) {
    const auto what = fmt::format("(storing {} bytes in {})", bytes.size(), file);
    Exchange exchange(what, *this);
    meet_new_shell(exchange);
    return complete(exchange, proto::shell_store(exchange.marker, file, bytes), deadline);
}

void GuestShell::detach(std::string_view command, Deadline deadline) {
    Exchange exchange(command, *this);
    meet_new_shell(exchange);
    if (!recover(deadline) || !send(line_, proto::shell_detach(command), exchange, deadline))
        throw_timed_out("machine '{}': the guest's root shell did not take the command `{}` "
                        "until the time-out",
                        machine_, shortened(command));
    detached_.push_back(fmt::format("`{}`", shortened(command)));
    if (detached_.size() > most_detached)
        detached_.erase(detached_.begin());
}

ExecResult
GuestShell::complete(Exchange& exchange, const proto::ShellText& text, Deadline deadline) {
    if (process_.child().poll()) // its sockets may still accept data
        process_.throw_died(
            fmt::format("before it was given the command `{}`", shortened(exchange.command)));
    try {
        if (recover(deadline) && send_text(exchange, text, deadline) &&
            wait_for_end(exchange, deadline)) {
            if (const auto status = exchange.decoder.status())
                return {*status, exchange.take_all_output()};
            return {shell_ended, before_greeting(exchange.take_all_output())};
        }
        give_up();
        exchange.sink = exchange.sink ? [](std::string_view) {} : OutputSink();
        wait_until_over(exchange, deadline_of(last_output_limit));
        return {timed_out, exchange.take_all_output(), true};
    } catch (...) { // after an interrupt or an error
        leave(exchange);
        throw;
    }
}

// Stops the command, so that the next one does not meet its remains.
void GuestShell::leave(const Exchange& exchange) noexcept {
    is_ready_ = is_ready_ && !exchange.patience.doubts();
    give_up();
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

bool GuestShell::send_text(Exchange& exchange, const proto::ShellText& text, Deadline deadline) {
    auto bulk_left = text.bulk;
    if (!bulk_left.empty()) {
        given_up_bulk_ = proto::shell_given_up(exchange.marker);
        missing_bulk_ = bulk_left.size();
    }
    if (!send(line_, text.lines, exchange, deadline))
        return false;
    while (!bulk_left.empty()) {
        const auto piece = bulk_left.substr(0, piece_of_bulk);
        bulk_left.remove_prefix(piece.size());
        missing_bulk_ -= piece.size();
        if (!send(bulk(), piece, exchange, deadline))
            return false;
    }
    given_up_bulk_.clear();
    return send(bulk(), text.behind, exchange, deadline);
}

bool GuestShell::send(os::Channel& channel,
                      std::string_view bytes,
                      Exchange& exchange,
                      Deadline deadline) {
    if (bytes.empty() && channel.unsent() == 0)
        return true;
    trace::sent(trace_name_, bytes);
    for (;;) {
        const auto unsent = channel.unsent() + bytes.size();
        const auto outcome = channel.send(bytes, ends(sooner(deadline, exchange.patience.next())));
        bytes = {};
        if (outcome == os::Channel::Outcome::done)
            return true;
        if (outcome == os::Channel::Outcome::closed)
            throw_closed(fmt::format("while its shell was told of the command `{}`",
                                     shortened(exchange.command)));
        if (channel.unsent() < unsent)
            exchange.patience.heard();
        look_around(exchange);
        if (deadline.passed())
            return false;
        exchange.patience.check();
    }
}

bool GuestShell::wait_for_end(Exchange& exchange, Deadline deadline) {
    try {
        if (!wait_until_over(exchange, deadline))
            return false;
        if (exchange.decoder.worker_gone())
            throw ShellEnded("machine '{}': the command `{}` ended the shell that ran it{}",
                             machine_, shortened(exchange.command),
                             detached_.empty() ? ""
                                               : ", unless one did that nobody waits for: " +
                                                     join(detached_, ", "));
    } catch (const MachineError& error) {
        if (!exchange.may_end_shell || !is_end_of_shell(error))
            throw;
        leave(exchange);
        return true;
    }
    settle(exchange);
    return true;
}

// From time to time asks the control shell for its state.
bool GuestShell::wait_until_over(Exchange& exchange, Deadline deadline) {
    auto question = Deadline::after(question_interval);
    while (!exchange.is_over()) {
        const auto next = sooner(question, exchange.patience.next());
        receive_some(exchange, sooner(deadline, next));
        if (exchange.is_over())
            break;
        const bool is_stopped = leftover_ && leftover_->status();
        if (is_stopped || deadline.passed()) // checked here because the output may never end
            return false;
        exchange.patience.check();
        if (question.passed() || exchange.patience.doubts()) {
            ask(exchange);
            question = Deadline::after(question_interval);
        }
    }
    return true;
}

// At most one question is open: they must not pile up for a shell that does not read.
void GuestShell::ask(Exchange& exchange) {
    if (leftover_)
        return; // it was told to stop, and will confirm that
    if (exchange.questions > exchange.decoder.answers())
        return line_.post({});
    const bool probe = ++exchange.questions % questions_per_probe == 0;
    const auto text =
        probe ? proto::shell_probe(exchange.marker) : proto::shell_ping(exchange.marker);
    trace::sent(trace_name_, text);
    line_.post(text);
}

// The shell may answer the last question after it has sent the status. Reads this answer, so that
// it does not become output of the next command.
void GuestShell::settle(Exchange& exchange) {
    const auto deadline = Deadline::after(last_answer_limit);
    while (exchange.questions > exchange.decoder.answers() && !deadline.passed())
        receive_some(exchange, deadline);
    if (exchange.questions > exchange.decoder.answers())
        give_up();
}

// Tells the guest to stop the command and to confirm that. recover() waits for the confirmation.
void GuestShell::give_up() noexcept {
    if (leftover_ || !is_ready_)
        return;
    trace::debug(trace::Category::machine, "{}: telling the shell to stop", machine_);
    stop_ = proto::new_marker();
    leftover_.emplace(stop_);
    if (given_up_bulk_.empty())
        line_.post(proto::shell_stop(stop_));
}

bool GuestShell::recover(Deadline deadline) {
    try {
        return !leftover_ || end_leftover(deadline);
        // The remains are gone with the shell. The command may go to the next one.
    } catch (const ShellEnded& error) {
        throw CommandNotGiven(error.what());
    }
}

bool GuestShell::end_leftover(Deadline deadline) {
    trace::debug(trace::Category::machine, "{}: the shell is to recover", machine_);
    Exchange exchange("(ending what was given up before)", *this);
    exchange.discards = true;
    if (!recover_bulk(exchange, deadline))
        return false;
    while (!leftover_->status()) {
        bulk().post({});
        line_.post({});
        receive_some(exchange, sooner(deadline, exchange.patience.next()));
        if (deadline.passed())
            return false;
        exchange.patience.check();
    }
    trace::debug(trace::Category::machine, "{}: the shell has recovered", machine_);
    leftover_.reset();
    heard_.clear();
    detached_.clear(); // a stop ends these as well
    return true;
}

// The guest does nothing else until it has all bytes of the bulk input. Sends zeros in place of the
// missing bytes: their values do not matter any more.
bool GuestShell::recover_bulk(Exchange& exchange, Deadline deadline) {
    const std::string zeros(std::min(missing_bulk_, piece_of_bulk), '\0');
    while (missing_bulk_ > 0) {
        const auto piece = std::string_view(zeros).substr(0, missing_bulk_);
        missing_bulk_ -= piece.size();
        if (!send(bulk(), piece, exchange, deadline))
            return false;
    }
    if (given_up_bulk_.empty())
        return true;
    bulk().post(std::exchange(given_up_bulk_, {}));
    line_.post(proto::shell_stop(stop_));
    return true;
}

} // namespace ntd::machine
