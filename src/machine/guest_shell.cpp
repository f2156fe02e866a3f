#include <ntd/machine/guest_shell.h>

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/os/wait.h>

#include <fcntl.h>

#include <algorithm>
#include <memory>

namespace ntd::machine {

namespace {

using namespace std::chrono_literals;

// How often a running command is looked at: is its shell still there?
constexpr auto question_interval = 1s;

// And every so many times also: has it ended, and does somebody hold its output?
constexpr int questions_per_probe = 10;

// How long we stay, once the time is over, for the last output of a command that is being stopped.
constexpr Seconds last_output_limit = 1s;

// The same for the shell's answer to its last question.
constexpr Seconds last_answer_limit = 2s;

// How long a new shell, which has nothing else to do, may take to get ready. A slow emulated guest
// under load needs some seconds.
constexpr auto set_up_limit = 30s;

// Bulk input goes out in such pieces: no more is kept of one that is given up.
constexpr std::size_t piece_of_bulk = std::size_t{1} << 20;

// Of the commands that nobody waits for so many are remembered: one may end the shell of another.
constexpr std::size_t most_detached = 3;

// Of what a guest says before its greeting, so much is kept.
constexpr std::size_t most_heard = 4096;

// The shell may have got the end of a command for the one before, even one within quotes.
constexpr std::string_view first_try = "\n";
constexpr std::string_view second_try = "'\n";

constexpr int timed_out = 124; // as timeout(1) has it
constexpr int shell_ended = -1;

// What a shell has said until its end: where there is no port, the next one may have greeted.
std::string before_greeting(std::string output) {
    output.resize(std::min(output.size(), output.rfind(proto::shell_greeting)));
    return output;
}

bool is_end_of_shell(const MachineError& error) {
    return dynamic_cast<const MachineDied*>(&error) != nullptr ||
           dynamic_cast<const ShellEnded*>(&error) != nullptr;
}

} // namespace

std::string shortened(std::string_view command) {
    constexpr std::size_t most = 200;
    return command.size() <= most ? std::string(command)
                                  : std::string(command.substr(0, most)) + "...";
}

struct GuestShell::Exchange {
    Exchange(std::string_view text, GuestShell& shell, std::string mark = proto::new_marker())
        : marker(std::move(mark)), command(text), decoder(marker),
          patience(shell.machine_, shortened(text), shell.process_, shell.host_) {}

    bool is_over() const { return decoder.status() || decoder.worker_gone(); }

    std::string take_all_output() {
        if (output.empty())
            return decoder.take_output();
        return std::move(output += decoder.take_output());
    }

    std::string doing() const {
        return fmt::format("while running the command `{}`", shortened(command));
    }

    std::string marker;
    std::string_view command;
    proto::ShellDecoder decoder;
    Patience patience;
    std::string received; // at the last reading; its memory is used again
    std::string output;   // what has been taken from the decoder
    OutputSink sink;
    bool may_end_shell = false;
    std::optional<Hurry> hurry;
    std::optional<os::Broadcast::Listener> wanted; // by others; none: that does not matter
    bool discards = false;                         // nobody wants the output
    std::int64_t unanswered = 0;                   // bytes of the output
    int questions = 0;
    std::size_t frames = 0; // that had come when the shell last said something
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
    auto file = std::make_shared<os::ByteStream>(UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)));
    if (!*file)
        throw_errno("duplicate descriptor {}", fd);
    return [file, &interrupt](std::string_view bytes) {
        if (file->write_all(bytes, -1, Deadline::never(), interrupt) ==
            os::ByteStream::Outcome::closed)
            throw SystemError(EPIPE, "write the output of a command");
    };
}

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

// ------------------------------------------------------------------------------ commands

ExecResult
GuestShell::run(std::string_view command, Deadline deadline, const CommandStreams& streams) {
    Exchange exchange(command, *this);
    exchange.sink = streams.sink;
    exchange.may_end_shell = streams.may_end_shell;
    exchange.hurry = streams.hurry;
    if (streams.hurry)
        exchange.wanted.emplace(streams.hurry->turn->wanted());
    meet_new_shell(exchange); // it may have no port
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
    if (process_.child().poll()) // its sockets may still take what is sent
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
    } catch (...) { // an interrupt, an error
        leave(exchange);
        throw;
    }
}

// The next command must not meet what this one has left.
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
    host_.trace_sent(trace_name_, bytes);
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

// Every now and then asks the control shell what goes on.
bool GuestShell::wait_until_over(Exchange& exchange, Deadline deadline) {
    auto question = Deadline::after(question_interval);
    while (!exchange.is_over()) {
        const auto next = sooner(question, exchange.patience.next());
        receive_some(exchange, sooner(deadline, next));
        if (exchange.is_over())
            break;
        const bool is_stopped = leftover_ && leftover_->status();
        if (is_stopped || deadline.passed()) // one that never stops to send is no reason to stay
            return false;
        exchange.patience.check();
        if (question.passed() || exchange.patience.doubts()) {
            ask(exchange);
            question = Deadline::after(question_interval);
        }
    }
    return true;
}

// One question at a time: a shell that does not read must not get ever more of them.
void GuestShell::ask(Exchange& exchange) {
    if (leftover_)
        return; // it has been asked to stop, and will say so
    if (exchange.questions > exchange.decoder.answers())
        return line_.post({});
    const bool probe = ++exchange.questions % questions_per_probe == 0;
    const auto text =
        probe ? proto::shell_probe(exchange.marker) : proto::shell_ping(exchange.marker);
    host_.trace_sent(trace_name_, text);
    line_.post(text);
}

// What the shell was asked last it may answer behind the status. The next command would take that
// for its output.
void GuestShell::settle(Exchange& exchange) {
    const auto deadline = Deadline::after(last_answer_limit);
    while (exchange.questions > exchange.decoder.answers() && !deadline.passed())
        receive_some(exchange, deadline);
    if (exchange.questions > exchange.decoder.answers())
        give_up();
}

// Has the guest end what it does for us, and say when it has. Does not wait for that: recover().
void GuestShell::give_up() noexcept {
    if (leftover_ || !is_ready_)
        return;
    stop_ = proto::new_marker();
    leftover_.emplace(stop_);
    if (given_up_bulk_.empty())
        line_.post(proto::shell_stop(stop_));
}

bool GuestShell::recover(Deadline deadline) {
    try {
        return !leftover_ || end_leftover(deadline);
    } catch (const ShellEnded& error) { // and with it what was left; the command can have the next
        throw CommandNotGiven(error.what());
    }
}

bool GuestShell::end_leftover(Deadline deadline) {
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
    leftover_.reset();
    heard_.clear();
    detached_.clear(); // what stops a command stops them as well
    return true;
}

// The guest waits for all bytes of the bulk, and does nothing else until then. Which ones they are
// does not matter any more.
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

// ------------------------------------------------------------------------------ what comes back

void GuestShell::receive_some(Exchange& exchange, Deadline deadline) {
    look_around(exchange);
    const auto ready = os::wait_readable({bulk().fd(), guest_has_port_ ? line_.fd() : -1,
                                          process_.exit_fd(), sign_seen_.fd(), alarm_heard_.fd(),
                                          exchange.wanted ? exchange.wanted->fd() : -1},
                                         deadline, host_.interrupt);
    if (!ready)
        return;
    if (*ready != 1U)
        receive_bulk(exchange);
    if (exchange.received.empty() && *ready == 2U)
        throw_closed(exchange.doing());
    look_around(exchange);
}

void GuestShell::receive_bulk(Exchange& exchange) {
    auto& bytes = exchange.received;
    bytes.clear();
    if (bulk().stream().read_ready(bytes) == os::ByteStream::Outcome::closed)
        throw_closed(exchange.doing());
    host_.trace_received(trace_name_, bytes);
    if (leftover_) {
        leftover_->feed(bytes);
        if (leftover_->shell_is_new())
            throw_replaced(exchange);
        const auto output = leftover_->take_output();
        exchange.decoder.feed(output);
        look_for_greeting(output, exchange);
    } else {
        exchange.decoder.feed(bytes);
    }
    if (exchange.decoder.shell_is_new())
        throw_replaced(exchange);
    take_output(exchange);
    warn_of_holders(host_, machine_, exchange.command, exchange.decoder.take_holders());
    if (exchange.decoder.take_worker_is_new())
        warn_of_new_worker();
    const auto frames = exchange.decoder.frames() + (leftover_ ? leftover_->frames() : 0);
    if (std::exchange(exchange.frames, frames) != frames)
        exchange.patience.heard();
}

void GuestShell::warn_of_new_worker() {
    const auto who = detached_.empty() ? "what an earlier one has left"
                                       : "one that nobody waits for: " + join(detached_, ", ");
    host_.log.line(machine_, log::Level::warning,
                   "the shell that runs the commands had been ended, and was started anew; perhaps "
                   "it was ended by " +
                       who);
    detached_.clear();
}

// What ends the exchange, or may, besides what comes back.
void GuestShell::look_around(Exchange& exchange) {
    if (exchange.wanted)
        hurry(exchange);
    if (was_reset_) {
        is_ready_ = false;
        throw ShellEnded("machine '{}': the guest was reset {}", machine_, exchange.doing());
    }
    if (guest_has_port_ && listen(exchange.doing()))
        throw_replaced(exchange);
    sign_seen_.reset();
    if (guest_has_port_ && port_is_closed_)
        exchange.patience.doubt("it has closed its port");
    alarm_heard_.reset();
    const auto alarm = process_.console().alarm();
    if (std::exchange(alarms_, alarm.count) != alarm.count)
        exchange.patience.doubt(alarm.line);
}

void GuestShell::take_output(Exchange& exchange) {
    if (exchange.discards) {
        exchange.decoder.take_output();
    } else if (exchange.sink) {
        pass_on_output(exchange);
    } else {
        check_output_size(host_, machine_, exchange.command,
                          exchange.output.size() + exchange.decoder.output_size());
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
    exchange.sink(output);
    if (guest_has_port_)
        return; // nothing gets lost
    // A piece is there in full also when its last byte looks like the begin of a frame: the guest
    // sends nothing that could tell before it is answered.
    exchange.unanswered += static_cast<std::int64_t>(output.size());
    const auto held_back = static_cast<std::int64_t>(exchange.decoder.held_back());
    constexpr auto pace = static_cast<std::int64_t>(proto::pace);
    for (; exchange.unanswered + held_back >= pace; exchange.unanswered -= pace)
        line_.post(proto::shell_go_on(exchange.marker));
}

// Others want the shell, and what runs only waits.
void GuestShell::hurry(Exchange& exchange) {
    exchange.wanted->reset();
    if (!exchange.hurry->turn->is_wanted())
        return;
    host_.trace_sent(trace_name_, exchange.hurry->lines);
    line_.post(exchange.hurry->lines);
    exchange.wanted.reset(); // once is enough
}

// ------------------------------------------------------------------------------ which shell it is

void GuestShell::listen_ahead() {
    ahead_ = host_.loop.watch(line_.fd(), [this] { return on_line(); });
}

bool GuestShell::take_over() {
    ahead_.reset();
    return has_greeted_ && !asked_ahead_.empty();
}

// On the I/O thread. That the line is closed, whoever waits for the shell will see, too.
bool GuestShell::on_line() {
    std::string bytes;
    if (line_.stream().read_ready(bytes) == os::ByteStream::Outcome::closed)
        return false;
    hear(bytes);
    if (!has_greeted_)
        return true;
    asked_ahead_ = proto::new_marker();
    const auto text = set_up_text(asked_ahead_, first_try);
    host_.trace_sent(trace_name_, text);
    line_.post(text);
    if (port_)
        port_.post(proto::shell_sync(asked_ahead_));
    return false;
}

bool GuestShell::listen(std::string_view doing) {
    std::string bytes;
    if (line_.stream().read_ready(bytes) == os::ByteStream::Outcome::closed)
        throw_closed(doing);
    hear(bytes);
    return has_greeted_;
}

void GuestShell::hear(std::string_view bytes) {
    if (bytes.empty())
        return;
    host_.trace_received(trace_name_, bytes);
    heard_ += bytes;
    if (proto::shell_is_new(heard_))
        note_greeting();
    heard_ = tail(heard_, most_heard);
}

void GuestShell::note_greeting() {
    greeting_ = tail(std::exchange(heard_, {}), most_heard);
    greeted_at_ = std::chrono::system_clock::now();
    has_greeted_ = true;
}

// Without a port a new shell's greeting is among what an old one has left, and comes only once.
void GuestShell::look_for_greeting(std::string_view output, const Exchange& exchange) {
    if (guest_has_port_ || transport_ == Transport::vsock)
        return;
    heard_ = tail(heard_ += output, most_heard);
    if (heard_.find(proto::shell_greeting) == heard_.npos)
        return;
    note_greeting();
    throw_replaced(exchange);
}

void GuestShell::forget_greeting() {
    has_greeted_ = false;
    heard_.clear();
}

// Since the last command the shell may have ended, and another one come.
void GuestShell::meet_new_shell(const Exchange& exchange) {
    const bool is_for_recover = leftover_ && !guest_has_port_;
    if (transport_ == Transport::virtconsole && !is_for_recover &&
        listen(fmt::format("before it was given the command `{}`", shortened(exchange.command))))
        set_up();
}

void GuestShell::set_up() {
    if (was_reset_) { // nobody is there who has got the begin
        line_.forget_unsent();
        port_.forget_unsent();
        asked_ahead_.clear();
    }
    leftover_.reset();
    detached_.clear();
    given_up_bulk_.clear();
    missing_bulk_ = 0;
    guest_has_port_ = false;
    is_ready_ = false;
    port_is_closed_ = false;
    alarms_ = process_.console().alarm().count;
    if (transport_ == Transport::virtconsole) // a connection is of one boot
        was_reset_ = false;
    if (!try_to_set_up(first_try) && !try_to_set_up(second_try))
        throw MachineError("machine '{}': the guest's root shell said its greeting, but does not "
                           "execute commands; is it bash?",
                           machine_);
    is_ready_ = true;
    forget_greeting();
}

std::string GuestShell::set_up_text(std::string_view marker, std::string_view prefix) const {
    const auto port = port_ ? proto::ShellPort::perhaps : proto::ShellPort::none;
    return std::string(prefix) + proto::shell_setup(marker, port);
}

// False if the shell has not answered in time.
bool GuestShell::try_to_set_up(std::string_view prefix) {
    const bool is_asked = !asked_ahead_.empty();
    Exchange exchange("(preparing the shell)", *this,
                      is_asked ? std::exchange(asked_ahead_, {}) : proto::new_marker());
    exchange.discards = true;
    const auto deadline = Deadline::after(set_up_limit);
    const auto text = is_asked ? std::string() : set_up_text(exchange.marker, prefix);
    const auto sync = is_asked ? std::string() : proto::shell_sync(exchange.marker);
    // The line comes first: it has the port emptied, which may be full.
    if (!send(line_, text, exchange, deadline) ||
        (port_ && !is_asked &&
         !send(port_, proto::shell_sync(exchange.marker), exchange, deadline)))
        return false;
    while (!exchange.decoder.status() && !deadline.passed()) {
        receive_some(exchange, sooner(deadline, exchange.patience.next()));
        exchange.patience.check();
    }
    guest_has_port_ = port_ && exchange.decoder.status() == 1;
    return exchange.decoder.status().has_value();
}

bool GuestShell::is_idle() const {
    os::Interrupt none;
    return is_ready() && !leftover_ && !os::wait_readable({line_.fd()}, Deadline::after(0s), none);
}

void GuestShell::reset() noexcept {
    has_greeted_ = false;
    was_reset_ = true;
    signs_.notify();
}

void GuestShell::port_changed(bool open) noexcept {
    port_is_closed_ = !open;
    signs_.notify();
}

void GuestShell::throw_replaced(const Exchange& exchange) {
    is_ready_ = false;
    has_greeted_ = true;
    throw ShellEnded("machine '{}': the guest's root shell ended, and another one is there now, "
                     "{}",
                     machine_, exchange.doing());
}

// The line of a virtconsole ends with QEMU alone.
void GuestShell::throw_closed(std::string_view doing) {
    if (transport_ == Transport::virtconsole)
        process_.throw_died(doing);
    process_.check_ending(doing);
    throw ShellEnded("machine '{}': the guest's root shell has ended {}", machine_, doing);
}

} // namespace ntd::machine
