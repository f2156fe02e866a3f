#include <ntd/os/signal_relay.h>

#include "support.h"

#include <ntd/os/wait.h>

#include <poll.h>

#include <cerrno>
#include <stdexcept>

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

TEST_F(SignalRelayTest, ReachesAWaitOfOurs) {
    interrupt.set_hook([] { throw std::runtime_error("Ctrl-C"); });
    tell();
    EXPECT_THROW(wait_readable({-1}, Deadline::never(), interrupt), std::runtime_error);
}

} // namespace

} // namespace ntd::os
