#pragma once

#include <ntd/os/broadcast.h>
#include <ntd/os/interrupt.h>
#include <ntd/vm/host.h>

#include <functional>
#include <string_view>

namespace ntd::vm {

// What looking again and again may take of one CPU: a tenth.
constexpr double pause_per_try = 9;

// How long to rest after a try, some time into a wait: nine times what the try took, so that a
// tenth of one CPU of the guest goes into tries, and a hundredth of the wait so far, up to a
// second.
// News from the machine end the second part early.
struct Pause {
    Seconds least;
    Seconds most;
};
Pause pause_after_try(Seconds took, Seconds waited);

// True if `exit_fd` has become readable.
bool rest(Pause pause, Deadline deadline, int exit_fd, int news_fd, os::Interrupt& interrupt);

// Tries until it succeeds, with these pauses. At the deadline once more with last = true; then
// throws RequestedAssertionFailed with "action timed out".
// When `exit_fd` (-1: none) becomes readable, the next try is the last, too: its error says why, or
// else MachineDied.
void retry(const std::function<bool(bool last)>& attempt,
           Timeout timeout,
           const std::function<int()>& exit_fd,
           os::Interrupt& interrupt,
           os::Broadcast* news = nullptr);

} // namespace ntd::vm
