#include <ntd/vm/retry.h>

#include <ntd/base/error.h>
#include <ntd/os/wait.h>

#include <algorithm>
#include <optional>

namespace ntd::vm {

namespace {

using namespace std::chrono_literals;

constexpr Seconds shortest_pause = 10ms;
constexpr Seconds longest_pause = 1s;

// A try that takes seconds waits for something rather than computes: a pause nine times as long
// would do no good.
constexpr Seconds longest_pause_per_try = 3s;

// What a wait may be late by, as a part of how long it has taken.
constexpr double lateness = 0.01;

std::string in_words(Timeout timeout) {
    return timeout ? fmt::format("{:g}", timeout->count()) : "None";
}

} // namespace

Pause pause_after_try(Seconds took, Seconds waited) {
    const auto least =
        std::clamp<Seconds>(pause_per_try * took, shortest_pause, longest_pause_per_try);
    return {least, std::max(least, std::min<Seconds>(lateness * waited, longest_pause))};
}

bool rest(Pause pause, Deadline deadline, int exit_fd, int news_fd, os::Interrupt& interrupt) {
    const auto least = sooner(deadline, Deadline::after(pause.least));
    const auto most = sooner(deadline, Deadline::after(pause.most));
    return os::wait_readable({exit_fd}, least, interrupt).has_value() ||
           os::wait_readable({exit_fd, news_fd}, most, interrupt) == 0U;
}

void retry(const std::function<bool(bool last)>& attempt,
           Timeout timeout,
           const std::function<int()>& exit_fd,
           os::Interrupt& interrupt,
           os::Broadcast* news) {
    const auto begin = Deadline::Clock::now();
    const auto deadline = deadline_of(timeout);
    std::optional<os::Broadcast::Listener> listener;
    if (news != nullptr)
        listener.emplace(*news);
    bool ended = false;
    while (!ended && !deadline.passed()) {
        if (listener)
            listener->reset();
        const auto tried = Deadline::Clock::now();
        if (attempt(false))
            return;
        const auto now = Deadline::Clock::now();
        const auto pause = pause_after_try(now - tried, now - begin);
        ended = rest(pause, deadline, exit_fd(), listener ? listener->fd() : -1, interrupt);
    }
    if (attempt(true))
        return;
    if (ended)
        throw MachineDied("the machine ended before the action succeeded");
    throw RequestedAssertionFailed("action timed out after {:.2f} seconds (timeout={})",
                                   Seconds(Deadline::Clock::now() - begin).count(),
                                   in_words(timeout));
}

} // namespace ntd::vm
