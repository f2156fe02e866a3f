#include <ntd/machine/retry.h>

#include <ntd/base/error.h>
#include <ntd/os/wait.h>
#include <ntd/trace/trace.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

namespace ntd::machine {

namespace {

using namespace std::chrono_literals;

constexpr Seconds shortest_pause = 10ms;
constexpr Seconds longest_pause = 1s;

// A try that takes seconds mostly waits and uses little CPU. A proportional pause would be too
// long.
constexpr Seconds longest_pause_per_try = 3s;

// On a busy host a try takes long without using the guest's CPU. If it takes less than a tenth of a
// second, a try each second does no harm.
Seconds pause_for(Seconds took) {
    const auto most = std::clamp<Seconds>(9 * took, longest_pause, longest_pause_per_try);
    return std::clamp<Seconds>(pause_per_try * took, shortest_pause, most);
}

// How late a wait may notice its event, as a fraction of its duration so far.
constexpr double lateness = 0.01;

std::string in_words(Timeout timeout) {
    return timeout ? fmt::format("{:g}", timeout->count()) : "None";
}

void trace_try(Seconds took, Seconds waited, bool success) {
    const auto pause = pause_after_try(took, waited);
    if (success)
        trace::debug(trace::Category::machine, "try took {:.3f} s: success after {:.3f} s",
                     took.count(), waited.count());
    else
        trace::debug(trace::Category::machine,
                     "try took {:.3f} s: not yet after {:.3f} s; pause of {:.3f} s, and up to "
                     "{:.3f} s without news",
                     took.count(), waited.count(), pause.least.count(), pause.most.count());
}

void trace_pause(Seconds lasted, PauseEnd why) {
    constexpr std::array<std::string_view, 3> reasons{"time", "news", "exit"};
    trace::debug(trace::Category::machine, "pause ended after {:.3f} s by {}", lasted.count(),
                 reasons.at(static_cast<std::size_t>(why)));
}

// A try that fails because the limit cut it counts as not yet successful: its error is not
// rethrown.
bool look(const std::function<bool(bool last)>& attempt, bool last, const WaitLimit& limit) {
    try {
        return attempt(last);
    } catch (const MachineDied&) {
        throw;
    } catch (const Error&) {
        if (!limit.has_cut())
            throw;
        return false;
    }
}

} // namespace

std::string what_was_awaited(const log::Log& log) {
    const auto here = log.here();
    return here && !here->machine.empty() ? ": " + log::described(*here) : "";
}

Pause pause_after_try(Seconds took, Seconds waited) {
    const auto in_any_case = std::clamp<Seconds>(took, shortest_pause, longest_pause_per_try);
    const auto least = pause_for(took);
    return {in_any_case, least,
            std::max(least, std::min<Seconds>(lateness * waited, longest_pause))};
}

Rest::Rest(const WaitLimit& limit, os::Interrupt& interrupt, std::optional<News> news)
    : limit_(limit), interrupt_(interrupt), news_(std::move(news)) {
    if (news_)
        listener_.emplace(news_->source);
}

void Rest::begin_try() {
    if (listener_)
        listener_->reset();
}

PauseEnd Rest::wait(const Pause& pause, int exit_fd) {
    const auto until = [this](Seconds time) {
        return sooner(limit_.deadline(), Deadline::after(time));
    };
    const auto in_any_case = until(pause.in_any_case);
    const auto least = until(pause.least);
    const auto most = until(pause.most);
    const int news_fd = listener_ ? listener_->fd() : -1;
    if (os::wait_readable({exit_fd}, in_any_case, interrupt_))
        return PauseEnd::exit;
    while (news_ && news_->concern_us) {
        const auto ready = os::wait_readable({exit_fd, news_fd}, least, interrupt_);
        if (ready == 0U)
            return PauseEnd::exit;
        if (!ready)
            break;
        listener_->reset();
        if (news_->concern_us())
            return PauseEnd::news;
    }
    if (os::wait_readable({exit_fd}, least, interrupt_))
        return PauseEnd::exit;
    const auto ready = os::wait_readable({exit_fd, news_fd}, most, interrupt_);
    if (!ready)
        return PauseEnd::time;
    return ready == 0U ? PauseEnd::exit : PauseEnd::news;
}

void retry(const std::function<bool(bool last)>& attempt,
           Timeout timeout,
           const std::function<SharedFd()>& exit_fd,
           os::Interrupt& interrupt,
           std::optional<News> news,
           const std::function<std::string()>& missing) {
    const auto begin = Deadline::Clock::now();
    WaitLimit limit(deadline_of(timeout), WaitLimit::overtime_of_a_look);
    Rest rest(limit, interrupt, std::move(news));
    bool ended = false;
    while (!ended && !limit.passed()) {
        rest.begin_try();
        const auto tried = Deadline::Clock::now();
        const bool success = look(attempt, false, limit);
        const auto now = Deadline::Clock::now();
        trace_try(now - tried, now - begin, success);
        if (success)
            return;
        const auto exit = exit_fd();
        const auto why = rest.wait(pause_after_try(now - tried, now - begin), number_of(exit));
        trace_pause(Deadline::Clock::now() - now, why);
        ended = why == PauseEnd::exit;
    }
    trace::debug(trace::Category::machine, "the last try: {}",
                 ended ? "the machine has ended" : "the time is over");
    limit.set_overtime(WaitLimit::overtime_of_the_last);
    if (look(attempt, true, limit))
        return;
    if (ended)
        throw MachineDied("the machine ended before the action succeeded");
    throw RequestedAssertionFailed("action timed out after {:.2f} seconds (timeout={}){}",
                                   Seconds(Deadline::Clock::now() - begin).count(),
                                   in_words(timeout), missing ? missing() : "");
}

} // namespace ntd::machine
