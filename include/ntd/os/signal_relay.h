#pragma once

#include <ntd/base/unique_fd.h>
#include <ntd/os/event_loop.h>
#include <ntd/os/interrupt.h>

#include <sys/types.h>
#include <unistd.h>

#include <array>

namespace ntd::os {

// Makes Python's signal handlers run on the thread that made this object, whatever system call it
// is blocked in. CPython checks for signals and then enters the call; a signal that arrives in
// between, or on another thread, is not noticed until the call returns. Therefore Python also
// writes a byte to wake_fd(). The relay passes it to the thread's Interrupt, for our own waits. It
// also sends the thread a signal without effect, which makes any other call fail with EINTR, so
// that Python looks: once immediately and a few times more, in case it came too early again.
class SignalRelay {
public:
    // Uses SIGRTMAX as the signal without effect.
    SignalRelay(EventLoop& loop, Interrupt& interrupt);
    ~SignalRelay();
    SignalRelay(const SignalRelay&) = delete;
    SignalRelay& operator=(const SignalRelay&) = delete;
    SignalRelay(SignalRelay&&) = delete;
    SignalRelay& operator=(SignalRelay&&) = delete;

    // Write a byte here for each signal. Non-blocking; async-signal-safe.
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
