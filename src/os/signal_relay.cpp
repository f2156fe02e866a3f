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

constexpr std::array<std::chrono::milliseconds, 3> pauses{10ms, 100ms, 1000ms};

extern "C" void do_nothing(int) {}

void handle_nudges(void (*handler)(int)) {
    struct sigaction action {};
    action.sa_handler = handler; // without SA_RESTART: system calls end
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
        std::array<char, 256> bytes{};
        while (retry_eintr([&] { return ::read(read_end_.get(), bytes.data(), bytes.size()); }) >
               0) {
        }
        (void)!::write(interrupt_.wake_fd(), bytes.data(), 1); // full: there is news already
        nudge(0);
        return true;
    });
}

SignalRelay::~SignalRelay() {
    watch_.reset(); // from here on nothing sets the timer
    timer_.reset();
    handle_nudges(SIG_IGN); // one may be under way
}

void SignalRelay::nudge(std::size_t times_before) {
    ::pthread_kill(owner_, SIGRTMAX);
    if (times_before < pauses.size())
        timer_ = loop_.at(Deadline::after(pauses.at(times_before)),
                          [this, times_before] { nudge(times_before + 1); });
}

} // namespace ntd::os
