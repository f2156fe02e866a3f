#pragma once

#include <ntd/base/unique_fd.h>
#include <ntd/os/event_loop.h>
#include <ntd/os/interrupt.h>

#include <sys/types.h>
#include <unistd.h>

#include <array>

namespace ntd::os {

// Sees to it that a signal's handler runs on the thread that made this object, whatever system call
// that is in. CPython looks for signals and then enters the call: a signal that comes between the
// two, or that the kernel gives to another thread, is not seen before the call returns. So Python
// writes a byte here as well. It goes on to the thread's Interrupt, for our own waits, and the
// thread is sent a signal without effect, which ends any other call (EINTR) and lets Python look:
// at once, and a few times more in case it came too early again.
class SignalRelay {
public:
    // Takes SIGRTMAX for the signal without effect.
    SignalRelay(EventLoop& loop, Interrupt& interrupt);
    ~SignalRelay();
    SignalRelay(const SignalRelay&) = delete;
    SignalRelay& operator=(const SignalRelay&) = delete;
    SignalRelay(SignalRelay&&) = delete;
    SignalRelay& operator=(SignalRelay&&) = delete;

    // Where to write a byte for each signal. Non-blocking; safe in a signal handler.
    int wake_fd() const { return write_end_.get(); }

private:
    void nudge() const;

    EventLoop& loop_;
    Interrupt& interrupt_;
    pid_t owner_ = ::gettid();
    UniqueFd read_end_;
    UniqueFd write_end_;
    std::array<EventLoop::Watch, 3> again_; // I/O thread
    EventLoop::Watch watch_;                // its callback uses the rest
};

} // namespace ntd::os
