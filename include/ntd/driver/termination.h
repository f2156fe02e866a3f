#pragma once

#include <ntd/log/log.h>
#include <ntd/machine/host.h>
#include <ntd/os/event_loop.h>
#include <ntd/os/orphan_guard.h>

#include <string_view>

namespace ntd::driver {

// Ends the whole process in good order from outside the script, whatever the script is doing: on
// SIGTERM and SIGHUP, and when the global timeout is reached. Everything that was started is ended,
// the logs are completed, and the process dies by the signal (SIGTERM for the timeout).
//
// One per process: it owns those signals. A script that installs a handler of its own takes the
// signal over.
class Termination {
public:
    Termination(log::Log& log, os::EventLoop& loop, const os::OrphanGuard& guard);
    ~Termination();
    Termination(const Termination&) = delete;
    Termination& operator=(const Termination&) = delete;
    Termination(Termination&&) = delete;
    Termination& operator=(Termination&&) = delete;

    // From now on. A second call replaces the first.
    void set_global_timeout(machine::Seconds timeout);
    void clear_global_timeout() { timer_.reset(); }

    // Dies by `signal`, once everything else is done.
    [[noreturn]] static void die_by(int signal) noexcept;

private:
    [[noreturn]] void end(int signal, std::string_view reason) noexcept;

    log::Log& log_;
    os::EventLoop& loop_;
    const os::OrphanGuard& guard_;
    UniqueFd signals_; // our end of the pipe that the handler writes to
    UniqueFd handlers_end_;
    os::EventLoop::Watch watch_;
    os::EventLoop::Watch timer_;
};

} // namespace ntd::driver
