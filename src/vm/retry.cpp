#include <ntd/vm/retry.h>

#include <ntd/base/error.h>
#include <ntd/os/wait.h>

#include <algorithm>

namespace ntd::vm {

namespace {

using namespace std::chrono_literals;

constexpr Seconds shortest_pause = 10ms;
constexpr Seconds longest_pause = 1s;

std::string in_words(Timeout timeout) {
    return timeout ? fmt::format("{:g}", timeout->count()) : "None";
}

} // namespace

void retry(const std::function<bool(bool last)>& attempt,
           Timeout timeout,
           const std::function<int()>& exit_fd,
           os::Interrupt& interrupt) {
    const auto begin = Deadline::Clock::now();
    const auto deadline = deadline_of(timeout);
    auto pause = shortest_pause;
    bool ended = false;
    while (!ended && !deadline.passed()) {
        const auto tried = Deadline::Clock::now();
        if (attempt(false))
            return;
        const Seconds took = Deadline::Clock::now() - tried;
        const auto rest =
            std::clamp<Seconds>(std::max(pause, 3 * took), shortest_pause, longest_pause);
        ended = os::wait_readable({exit_fd()}, sooner(deadline, Deadline::after(rest)), interrupt)
                    .has_value();
        pause = std::min<Seconds>(pause * 1.5, longest_pause);
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
