#include <ntd/os/signal_relay.h>

#include <ntd/base/error.h>
#include <ntd/os/syscall.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>

namespace ntd::os {

namespace {

using namespace std::chrono_literals;

constexpr std::array<std::chrono::milliseconds, 3> times{10ms, 110ms, 1110ms};

extern "C" void do_nothing(int) {}

void handle_nudges(void (*handler)(int)) {
    struct sigaction action {};
    action.sa_handler = handler; // without SA_RESTART: system calls fail with EINTR
    ::sigaction(SIGRTMAX, &action, nullptr);
}

} // namespace

SignalRelay::SignalRelay(EventLoop& loop, Interrupt& interrupt)
    : loop_(loop), interrupt_(interrupt) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) < 0)
        throw_errno("make the pipe for signals of the script");
    read_end_.reset(ends[0]);
    write_end_.reset(ends[1]);
    handle_nudges(do_nothing);
    watch_ = loop_.watch(read_end_.get(), [this] {
        take_wakes(read_end_.get());
        (void)!::write(interrupt_.wake_fd(), "", 1); // if full, a wake-up is pending
        nudge();
        for (std::size_t i = 0; i < again_.size(); ++i)
            again_.at(i) = loop_.at(Deadline::after(times.at(i)), [this] { nudge(); });
        return true;
    });
}

SignalRelay::~SignalRelay() {
    watch_.reset(); // from here on no callback sets the timers
    for (auto& timer : again_)
        timer.reset();
    handle_nudges(SIG_IGN); // a signal may still be pending
}

// By thread id: pthread_kill(3) must not be called for a thread that may have ended.
void SignalRelay::nudge() const {
    ::tgkill(::getpid(), owner_, SIGRTMAX);
}

} // namespace ntd::os
