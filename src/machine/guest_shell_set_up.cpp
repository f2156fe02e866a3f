// The start of a guest's root shell: its greeting, its set-up, and its replacement by another one.

#include "exchange.h"

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/os/wait.h>
#include <ntd/trace/trace.h>

namespace ntd::machine {

namespace {

using namespace std::chrono_literals;

// Time limit for the set-up of a new shell. A slow emulated guest under load needs some seconds.
constexpr auto set_up_limit = 30s;

// How many bytes of the text before the greeting are kept.
constexpr std::size_t most_heard = 4096;

// The new shell may have got the end of a command meant for the previous one, perhaps even inside
// quotes. A newline, or a quote and a newline, ends that.
constexpr std::string_view first_try = "\n";
constexpr std::string_view second_try = "'\n";

} // namespace

void GuestShell::listen_ahead() {
    ahead_ = host_.loop.watch(line_.fd(), [this] { return on_line(); });
}

bool GuestShell::take_over() {
    ahead_.reset();
    return has_greeted_ && !asked_ahead_.empty();
}

// Runs on the I/O thread. It ignores a closed line: the thread that waits for the shell will see
// that, too.
bool GuestShell::on_line() {
    std::string bytes;
    if (line_.stream().read_ready(bytes) == os::ByteStream::Outcome::closed)
        return false;
    hear(bytes);
    if (!has_greeted_)
        return true;
    asked_ahead_ = proto::new_marker();
    const auto text = set_up_text(asked_ahead_, first_try);
    trace::sent(trace_name_, text);
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
    trace::received(trace_name_, bytes);
    heard_ += bytes;
    if (proto::shell_is_new(heard_))
        note_greeting();
    heard_ = tail(heard_, most_heard);
}

void GuestShell::note_greeting() {
    greeting_ = tail(std::exchange(heard_, {}), most_heard);
    greeted_at_ = std::chrono::system_clock::now();
    trace::info(trace::Category::machine, "{}: a shell has greeted", machine_);
    has_greeted_ = true;
}

// Without a port, the greeting of a new shell appears in the old shell's remaining output, and only
// once.
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

// The shell may have ended since the last command, and another one may have started.
void GuestShell::meet_new_shell(const Exchange& exchange) {
    const bool is_for_recover = leftover_ && !guest_has_port_;
    if (transport_ == Transport::virtconsole && !is_for_recover &&
        listen(fmt::format("before it was given the command `{}`", shortened(exchange.command))))
        set_up();
}

void GuestShell::set_up() {
    if (was_reset_) { // the shell that got the start is gone
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
    if (transport_ == Transport::virtconsole) // a vsock connection belongs to one boot
        was_reset_ = false;
    if (!try_to_set_up(first_try) && !try_to_set_up(second_try))
        throw MachineError("machine '{}': the guest's root shell said its greeting, but does not "
                           "execute commands; is it bash?",
                           machine_);
    is_ready_ = true;
    trace::info(trace::Category::machine, "{}: the shell is ready, {} a port", machine_,
                guest_has_port_ ? "with" : "without");
    forget_greeting();
}

std::string GuestShell::set_up_text(std::string_view marker, std::string_view prefix) const {
    const auto port = port_ ? proto::ShellPort::perhaps : proto::ShellPort::none;
    return std::string(prefix) + proto::shell_setup(marker, port);
}

// Returns false if the shell has not answered in time.
bool GuestShell::try_to_set_up(std::string_view prefix) {
    const bool is_asked = !asked_ahead_.empty();
    Exchange exchange("(preparing the shell)", *this,
                      is_asked ? std::exchange(asked_ahead_, {}) : proto::new_marker());
    exchange.discards = true;
    const auto deadline = Deadline::after(set_up_limit);
    const auto text = is_asked ? std::string() : set_up_text(exchange.marker, prefix);
    const auto sync = is_asked ? std::string() : proto::shell_sync(exchange.marker);
    // The line comes first: its text empties the port, which may be full.
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
    trace::debug(trace::Category::machine, "{}: the shell is gone, by a reset", machine_);
    has_greeted_ = false;
    was_reset_ = true;
    signs_.notify();
}

void GuestShell::port_changed(bool open) noexcept {
    trace::debug(trace::Category::machine, "{}: the shell's port is {}", machine_,
                 open ? "open" : "closed");
    port_is_closed_ = !open;
    signs_.notify();
}

void GuestShell::throw_replaced(const Exchange& exchange) {
    trace::info(trace::Category::machine, "{}: another shell is there", machine_);
    is_ready_ = false;
    has_greeted_ = true;
    throw ShellEnded("machine '{}': the guest's root shell ended, and another one is there now, "
                     "{}",
                     machine_, exchange.doing());
}

// The line of a virtconsole closes only when QEMU ends.
void GuestShell::throw_closed(std::string_view doing) {
    if (transport_ == Transport::virtconsole)
        process_.throw_died(doing);
    process_.check_ending(doing);
    throw ShellEnded("machine '{}': the guest's root shell has ended {}", machine_, doing);
}

} // namespace ntd::machine
