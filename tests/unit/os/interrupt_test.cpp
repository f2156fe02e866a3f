#include <ntd/os/interrupt.h>

#include "support.h"

#include <ntd/os/wait.h>

#include <sys/time.h>

#include <csignal>
#include <stdexcept>
#include <thread>

namespace ntd::os {

namespace {

struct Stop : std::runtime_error {
    Stop() : std::runtime_error("stop") {}
};

class InterruptTest : public testing::Test {
protected:
    void wake() const { EXPECT_EQ(::write(interrupt.wake_fd(), "x", 1), 1); }

    void count_calls() {
        interrupt.set_hook([this] { ++calls; });
    }

    static void throw_stop() { throw Stop(); }

    Interrupt interrupt;
    Pipe pipe;
    int calls = 0;
};

TEST_F(InterruptTest, CallsTheHookInAWait) {
    count_calls();
    wake();
    wait_readable({pipe.out.get()}, at_once(), interrupt);
    EXPECT_EQ(calls, 1);
}

TEST_F(InterruptTest, CallsTheHookOnceForManyBytes) {
    count_calls();
    for (int i = 0; i < 1000; ++i)
        wake();
    wait_readable({pipe.out.get()}, at_once(), interrupt);
    EXPECT_EQ(calls, 1);
}

TEST_F(InterruptTest, LeavesTheHookAloneWithoutAByte) {
    count_calls();
    wait_readable({pipe.out.get()}, at_once(), interrupt);
    EXPECT_EQ(calls, 0);
}

TEST_F(InterruptTest, LetsTheWaitGoOnAfterTheHook) {
    interrupt.set_hook([this] { pipe.write("x"); });
    wake();
    EXPECT_EQ(wait_readable({pipe.out.get()}, Deadline::never(), interrupt), 0U);
}

TEST_F(InterruptTest, LetsTheWaitGoOnWithoutAHook) {
    wake();
    EXPECT_EQ(wait_readable({pipe.out.get()}, at_once(), interrupt), std::nullopt);
}

TEST_F(InterruptTest, EndsAWaitForReadingWithTheHooksException) {
    interrupt.set_hook(throw_stop);
    wake();
    EXPECT_THROW(wait_readable({pipe.out.get()}, Deadline::never(), interrupt), Stop);
}

TEST_F(InterruptTest, EndsAWaitForWritingWithTheHooksException) {
    const SocketPair sockets;
    interrupt.set_hook(throw_stop);
    wake();
    EXPECT_THROW(wait_writable(sockets.ours.get(), {-1}, Deadline::never(), interrupt), Stop);
}

TEST_F(InterruptTest, ReachesAWaitThatHasBegun) {
    interrupt.set_hook(throw_stop);
    const std::jthread waker([this] { wake(); });
    EXPECT_THROW(wait_readable({pipe.out.get()}, Deadline::never(), interrupt), Stop);
}

TEST_F(InterruptTest, LooksAfterASignalThatWroteNoByte) {
    struct sigaction handled {};
    struct sigaction before {};
    handled.sa_handler = [](int) {};
    ::sigaction(SIGALRM, &handled, &before);
    interrupt.set_hook(throw_stop);
    const itimerval every_ms{{0, 1000}, {0, 1000}};
    ::setitimer(ITIMER_REAL, &every_ms, nullptr);
    EXPECT_THROW(wait_readable({pipe.out.get()}, soon(), interrupt), Stop);
    const itimerval off{};
    ::setitimer(ITIMER_REAL, &off, nullptr);
    ::sigaction(SIGALRM, &before, nullptr);
}

TEST_F(InterruptTest, LeavesTheWaitsOfOtherThreadsAlone) {
    interrupt.set_hook(throw_stop);
    wake();
    std::jthread([this] {
        EXPECT_EQ(wait_readable({pipe.out.get()}, at_once(), interrupt), std::nullopt);
    }).join();
}

TEST_F(InterruptTest, StaysForItsOwnerWhenAnotherThreadWaits) {
    interrupt.set_hook(throw_stop);
    wake();
    std::jthread([this] { wait_readable({pipe.out.get()}, at_once(), interrupt); }).join();
    EXPECT_THROW(wait_readable({pipe.out.get()}, Deadline::never(), interrupt), Stop);
}

TEST_F(InterruptTest, TakesBytesWithoutEverBlocking) {
    while (::write(interrupt.wake_fd(), "x", 1) == 1) {
    }
    EXPECT_EQ(errno, EAGAIN);
}

} // namespace

} // namespace ntd::os
