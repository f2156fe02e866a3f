#include <ntd/os/signal_relay.h>

#include "support.h"

#include <ntd/os/wait.h>

#include <poll.h>

#include <cerrno>
#include <chrono>
#include <future>
#include <optional>
#include <stdexcept>
#include <thread>

namespace ntd::os {

namespace {

class SignalRelayTest : public testing::Test {
protected:
    void tell() const { EXPECT_EQ(::write(relay.wake_fd(), "x", 1), 1); }

    EventLoop loop;
    Interrupt interrupt;
    SignalRelay relay{loop, interrupt};
};

TEST_F(SignalRelayTest, EndsAnySystemCallOfItsThread) {
    tell();
    EXPECT_EQ(::poll(nullptr, 0, 60'000), -1);
    EXPECT_EQ(errno, EINTR);
}

TEST_F(SignalRelayTest, EndsTheNextCallIfItCameTooEarlyForOne) {
    tell();
    (void)::poll(nullptr, 0, 60'000);
    EXPECT_EQ(::poll(nullptr, 0, 60'000), -1);
}

TEST_F(SignalRelayTest, LeavesTheThreadAloneAfterAWhile) {
    tell();
    while (::poll(nullptr, 0, 1500) < 0) {
    }
    EXPECT_EQ(::poll(nullptr, 0, 100), 0);
}

TEST_F(SignalRelayTest, MayBeDestroyedWhileItIsAtWork) {
    for (int i = 0; i < 100; ++i) {
        const SignalRelay other(loop, interrupt);
        EXPECT_EQ(::write(other.wake_fd(), "x", 1), 1);
        std::this_thread::sleep_for(std::chrono::microseconds(i * 120)); // up to the first timer
    }
}

TEST_F(SignalRelayTest, LeavesAThreadAloneThatHasEnded) {
    std::optional<SignalRelay> other;
    std::thread([&] { other.emplace(loop, interrupt); }).join();
    EXPECT_EQ(::write(other->wake_fd(), "x", 1), 1);
    std::promise<void> later;
    const auto timer =
        loop.at(Deadline::after(std::chrono::milliseconds(150)), [&] { later.set_value(); });
    later.get_future().wait();
}

TEST_F(SignalRelayTest, ReachesAWaitOfOurs) {
    interrupt.set_hook([] { throw std::runtime_error("Ctrl-C"); });
    tell();
    EXPECT_THROW(wait_readable({-1}, Deadline::never(), interrupt), std::runtime_error);
}

} // namespace

} // namespace ntd::os
