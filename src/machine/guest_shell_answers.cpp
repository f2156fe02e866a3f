// Handles the answers of a guest's root shell while a command runs.

#include "exchange.h"

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/os/wait.h>
#include <ntd/trace/trace.h>

namespace ntd::machine {

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
    trace::received(trace_name_, bytes);
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
    trace::info(trace::Category::machine, "{}: the shell has a new worker", machine_);
    const auto who = detached_.empty() ? "what an earlier one has left"
                                       : "one that nobody waits for: " + join(detached_, ", ");
    host_.log.line(machine_, log::Level::warning,
                   "the shell that runs the commands had been ended, and was started anew; perhaps "
                   "it was ended by " +
                       who);
    detached_.clear();
}

// Checks for events other than answers that end the exchange, or may do so.
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
            return; // the decoder can keep it until the end
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
        return; // the port loses nothing
    // Bytes that the decoder holds back count, too. Otherwise a piece whose last byte looks like
    // the start of a frame would never be complete: the guest sends nothing more before it gets an
    // answer.
    exchange.unanswered += static_cast<std::int64_t>(output.size());
    const auto held_back = static_cast<std::int64_t>(exchange.decoder.held_back());
    constexpr auto pace = static_cast<std::int64_t>(proto::pace);
    for (; exchange.unanswered + held_back >= pace; exchange.unanswered -= pace)
        line_.post(proto::shell_go_on(exchange.marker));
}

// Others want the shell, and the running command only waits: ends it early.
void GuestShell::hurry(Exchange& exchange) {
    exchange.wanted->reset();
    if (!exchange.hurry->turn->is_wanted())
        return;
    trace::sent(trace_name_, exchange.hurry->lines);
    line_.post(exchange.hurry->lines);
    exchange.wanted.reset(); // once is enough
}

} // namespace ntd::machine
