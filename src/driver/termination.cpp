#include <ntd/driver/termination.h>

#include <ntd/base/error.h>
#include <ntd/os/syscall.h>
#include <ntd/trace/trace.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <utility>

namespace ntd::driver {

namespace {

// Globals, because the signal handler has no other access to the loop.
std::atomic<int> pipe_to_loop = -1;
std::atomic<pid_t> owner = 0;

// This handler also runs in forks that Python code makes. There, the signal must have its default
// action from the first moment on.
extern "C" void tell_loop(int signal) {
    if (::getpid() != owner) {
        std::signal(signal, SIG_DFL);
        ::raise(signal); // once this handler has returned
        return;
    }
    const auto byte = static_cast<char>(signal);
    const int error = errno;
    (void)!::write(pipe_to_loop, &byte, 1);
    errno = error;
}

void handle(int signal, void (*handler)(int)) {
    struct sigaction action {};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    ::sigaction(signal, &action, nullptr);
}

} // namespace

Termination::Termination(log::Log& log,
                         os::EventLoop& loop,
                         const os::OrphanGuard& guard,
                         const Status& status)
    : log_(log), loop_(loop), guard_(guard), status_(status) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) < 0)
        throw_errno("make the pipe for signals");
    signals_.reset(ends[0]);
    handlers_end_.reset(ends[1]);
    pipe_to_loop = ends[1];
    owner = ::getpid();
    watch_ = loop_.watch(signals_.get(), [this]() -> bool {
        char signal = 0;
        if (os::read_wakes(signals_.get(), {&signal, 1}) == 0)
            return true;
        handle_signal(signal);
        return true;
    });
    for (const int signal : {SIGTERM, SIGHUP, SIGUSR1})
        handle(signal, tell_loop);
}

Termination::~Termination() {
    for (const int signal : {SIGTERM, SIGHUP, SIGUSR1})
        handle(signal, SIG_DFL);
    pipe_to_loop = -1;
    (void)handlers_end_.release(); // leaked: a handler on another thread may still write to it
}

void Termination::set_global_timeout(machine::Seconds timeout) {
    timer_ = loop_.at(Deadline::after(timeout),
                      [this] { end(SIGTERM, "timeout reached; test terminating..."); });
}

void Termination::set_verdict(log::TestError verdict) {
    verdict_.with([&](log::TestError& now) { now = std::move(verdict); });
}

void Termination::tell_verdict() noexcept {
    const auto verdict =
        verdict_.with([](log::TestError& now) { return std::exchange(now, log::TestError()); });
    if (!verdict.text.empty())
        log_.write({}, verdict);
}

void Termination::handle_signal(int signal) {
    if (signal == SIGUSR1)
        return log_.info("what the run is doing:\n" + what_it_does());
    end(signal,
        fmt::format("received signal {} ({}); test terminating...", signal, ::strsignal(signal)));
}

// Never throws: nothing may keep the process from its end.
std::string Termination::what_it_does() const noexcept {
    try {
        return status_.text();
    } catch (const std::exception& error) {
        return error.what();
    }
}

void Termination::end(int signal, std::string_view reason) noexcept {
    trace::info(trace::Category::driver, "{}", reason);
    log_.prepare_for_end();
    log_.error(reason); // at once, because the rest may be cut by a SIGKILL
    const auto doing = what_it_does();
    guard_.end_all();
    tell_verdict();
    log_.write({}, log::TestError{.text = std::string(reason), .details = doing});
    if (const auto act = last_act_.copy())
        act(std::string(reason));
    log_.flush();
    trace::flush();
    die_by(signal);
}

void Termination::die_by(int signal) noexcept {
    handle(signal, SIG_DFL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    ::raise(signal);
    ::_exit(128 + signal); // not reached: the signal's default action ends us
}

} // namespace ntd::driver
