#pragma once

#include <ntd/base/guarded.h>
#include <ntd/driver/status.h>
#include <ntd/log/log.h>
#include <ntd/machine/host.h>
#include <ntd/os/event_loop.h>
#include <ntd/os/orphan_guard.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace ntd::driver {

// Ends the process in an orderly way, whatever the script is doing: on SIGTERM, SIGHUP and at the
// global timeout. Says what the run was doing, ends everything that was started, completes the
// logs, and then dies by the signal (SIGTERM for the timeout). On SIGUSR1, says what the run is
// doing.
//
// One object per process: it owns those signals. If a script installs a handler of its own, that
// replaces ours.
class Termination {
public:
    Termination(log::Log& log,
                os::EventLoop& loop,
                const os::OrphanGuard& guard,
                const Status& status);
    ~Termination();
    Termination(const Termination&) = delete;
    Termination& operator=(const Termination&) = delete;
    Termination(Termination&&) = delete;
    Termination& operator=(Termination&&) = delete;

    // The timeout counts from now. A second call replaces the first.
    void set_global_timeout(machine::Seconds timeout);
    void clear_global_timeout() { timer_.reset(); }

    // Why the test has failed. The log gets it as its last words: from tell_verdict(), or from us
    // if the process is ended before that.
    void set_verdict(log::TestError verdict);
    void tell_verdict() noexcept;

    // Called on the I/O thread as the last thing before the process is ended, with the reason.
    void set_last_act(std::function<void(const std::string& reason)> act) {
        last_act_.with([&](auto& now) { now = std::move(act); });
    }

    // Ends the process by `signal`. Call it when everything else is done.
    [[noreturn]] static void die_by(int signal) noexcept;

private:
    void handle_signal(int signal);
    std::string what_it_does() const noexcept;
    [[noreturn]] void end(int signal, std::string_view reason) noexcept;

    log::Log& log_;
    os::EventLoop& loop_;
    const os::OrphanGuard& guard_;
    const Status& status_;
    Guarded<log::TestError> verdict_;
    Guarded<std::function<void(const std::string&)>> last_act_;
    UniqueFd signals_; // read end of the signal handler's pipe
    UniqueFd handlers_end_;
    os::EventLoop::Watch watch_;
    os::EventLoop::Watch timer_;
};

} // namespace ntd::driver
