#pragma once

#include <ntd/machine/host.h>
#include <ntd/os/broadcast.h>
#include <ntd/os/interrupt.h>

#include <functional>
#include <optional>

namespace ntd::machine {

// Looking again and again may take a tenth of one CPU of the guest. A try costs more than the time
// until its answer: processes work side by side, and one is made ready for the next try afterwards.
constexpr double pause_per_try = 18;

// What a machine says by itself, which may mean that a try would succeed now.
struct News {
    os::Broadcast& source;

    // Whether what has been said since the last call is about what is waited for, and not just any
    // line; none: nothing is.
    std::function<bool()> concern_us = nullptr;
};

// How long to rest after a try, some time into a wait: eighteen times what the try took (nine
// times, where that is more than a second), and a hundredth of the wait so far, up to a second. Any
// news end the second part early, and those that concern the wait all but the time of the try.
struct Pause {
    Seconds in_any_case;
    Seconds least;
    Seconds most;
};
Pause pause_after_try(Seconds took, Seconds waited);

// Why a pause is over.
enum class PauseEnd { time, news, exit };

// The time between two tries.
class Rest {
public:
    Rest(const WaitLimit& limit, os::Interrupt& interrupt, std::optional<News> news);

    // What is said from now on is news.
    void begin_try();

    // PauseEnd::exit if `exit_fd` (-1: none) has become readable.
    PauseEnd wait(const Pause& pause, int exit_fd);

private:
    const WaitLimit& limit_;
    os::Interrupt& interrupt_;
    std::optional<News> news_;
    std::optional<os::Broadcast::Listener> listener_;
};

// Tries until it succeeds, with these pauses. At the deadline once more with last = true, for a
// second at most; then throws RequestedAssertionFailed with "action timed out".
// The limit is also that of all that a try does (WaitLimit); one that fails because of it has not
// failed, but not succeeded yet.
// The message ends with what `missing` says (null: nothing).
// When `exit_fd` (null: none) becomes readable, the next try is the last, too: its error says why,
// or else MachineDied.
void retry(const std::function<bool(bool last)>& attempt,
           Timeout timeout,
           const std::function<SharedFd()>& exit_fd,
           os::Interrupt& interrupt,
           std::optional<News> news = std::nullopt,
           const std::function<std::string()>& missing = nullptr);

} // namespace ntd::machine
