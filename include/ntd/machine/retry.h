#pragma once

#include <ntd/machine/host.h>
#include <ntd/os/broadcast.h>
#include <ntd/os/interrupt.h>

#include <functional>
#include <optional>

namespace ntd::machine {

// Pause after a try, as a multiple of the time that the try took. Retries may use about a tenth of
// one CPU of the guest. A try costs more CPU than its duration shows: its processes run in
// parallel, and a spare bash is prepared after it.
constexpr double pause_per_try = 18;

// Console output of the machine, which may mean that a try would succeed now.
struct News {
    os::Broadcast& source;

    // Returns whether the output since the last call is about the thing that is waited for. If
    // empty, no output is.
    std::function<bool()> concern_us = nullptr;
};

// How long to pause after a try. `least` is eighteen times the duration of the try (nine times,
// where that is more than a second). `most` is a hundredth of the wait so far, up to a second, if
// that is longer than `least`. Any news ends the pause after `least`. News that concerns the wait
// ends it after `in_any_case`, the duration of the try.
struct Pause {
    Seconds in_any_case;
    Seconds least;
    Seconds most;
};
Pause pause_after_try(Seconds took, Seconds waited);

// Why a pause ended.
enum class PauseEnd { time, news, exit };

// Waits between two tries.
class Rest {
public:
    Rest(const WaitLimit& limit, os::Interrupt& interrupt, std::optional<News> news);

    // Output from now on counts as news.
    void begin_try();

    // Returns PauseEnd::exit if `exit_fd` (-1: none) has become readable.
    PauseEnd wait(const Pause& pause, int exit_fd);

private:
    const WaitLimit& limit_;
    os::Interrupt& interrupt_;
    std::optional<News> news_;
    std::optional<os::Broadcast::Listener> listener_;
};

// Calls `attempt` until it returns true, with the pauses of pause_after_try(). At the deadline it
// tries once more with last = true, for up to a second. Then it throws RequestedAssertionFailed
// with "action timed out", and with the text of `missing` (null: none) at the end.
//
// The limit holds for everything that a try does (WaitLimit). A try that fails because of the limit
// counts as not yet successful.
//
// When `exit_fd` (null: none) becomes readable, the next try is the last one. If it fails without
// an error of its own, MachineDied is thrown.
void retry(const std::function<bool(bool last)>& attempt,
           Timeout timeout,
           const std::function<SharedFd()>& exit_fd,
           os::Interrupt& interrupt,
           std::optional<News> news = std::nullopt,
           const std::function<std::string()>& missing = nullptr);

// For `missing`: what the innermost scope of this thread waits for, and what it has seen so far. A
// scope that is about no machine belongs to the script, and gives an empty text.
std::string what_was_awaited(const log::Log& log);

} // namespace ntd::machine
