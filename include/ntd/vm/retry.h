#pragma once

#include <ntd/os/interrupt.h>
#include <ntd/vm/host.h>

#include <functional>
#include <string_view>

namespace ntd::vm {

// Tries until it succeeds: soon again at first, then less and less often, at most once a second,
// and never so often that the tries themselves are the guest's main work. At the deadline once more
// with last = true; then throws RequestedAssertionFailed with "action timed out".
// When `exit_fd` (-1: none) becomes readable, the next try is the last, too: its error says why, or
// else MachineDied.
void retry(const std::function<bool(bool last)>& attempt,
           Timeout timeout,
           const std::function<int()>& exit_fd,
           os::Interrupt& interrupt);

} // namespace ntd::vm
