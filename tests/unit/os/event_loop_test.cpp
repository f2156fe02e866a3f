#include <ntd/os/event_loop.h>

#include "support.h"

#include <atomic>
#include <csignal>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace ntd::os {

namespace {

using namespace std::chrono_literals;

class EventLoopTest : public testing::Test {
protected:
    // Returns when the I/O thread has handled everything that was ready before.
    void settle() {
        for (int round = 0; round < 2; ++round) {
            std::promise<void> reached;
            const auto timer = loop.at(Deadline::after({}), [&] { reached.set_value(); });
            ASSERT_EQ(reached.get_future().wait_for(30s), std::future_status::ready);
        }
    }

    // A callback for a watch: reads one byte and counts it.
    std::function<bool()> take_from(const Pipe& from) {
        return [this, fd = from.out.get()] {
            char byte = 0;
            EXPECT_EQ(::read(fd, &byte, 1), 1);
            ++calls;
            return true;
        };
    }

    Pipe pipe;
    Pipe other;
    std::atomic<int> calls = 0; // counted by the I/O thread
    EventLoop loop;
};

TEST_F(EventLoopTest, CallsBackForWhatIsReadable) {
    const auto watch = loop.watch(pipe.out.get(), take_from(pipe));
    pipe.write("x");
    settle();
    EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, CallsBackForWhatWasReadableBefore) {
    pipe.write("x");
    const auto watch = loop.watch(pipe.out.get(), take_from(pipe));
    settle();
    EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, CallsBackUntilAllIsRead) {
    const auto watch = loop.watch(pipe.out.get(), take_from(pipe));
    std::promise<void> done;
    const auto last = loop.watch(other.out.get(), [&] {
        done.set_value();
        return false;
    });
    pipe.write("12345");
    settle();
    settle();
    settle();
    EXPECT_EQ(calls, 5);
}

TEST_F(EventLoopTest, CallsBackForAHangUp) {
    const auto watch = loop.watch(pipe.out.get(), [this] {
        ++calls;
        return false;
    });
    pipe.in.reset();
    settle();
    EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, StopsWhenTheCallbackReturnsFalse) {
    const auto watch = loop.watch(pipe.out.get(), [this] {
        ++calls;
        return false; // and leaves the byte unread
    });
    pipe.write("x");
    settle();
    settle();
    EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, ServesEveryDescriptor) {
    const auto never_read = loop.watch(pipe.out.get(), [] { return true; });
    const auto watch = loop.watch(other.out.get(), take_from(other));
    pipe.write("x");
    other.write("x");
    settle();
    EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, ServesManyDescriptors) {
    constexpr std::size_t many = 200;
    const std::vector<Pipe> pipes(many);
    std::vector<EventLoop::Watch> watches;
    for (const auto& each : pipes)
        watches.push_back(loop.watch(each.out.get(), take_from(each)));
    for (const auto& each : pipes)
        each.write("x");
    settle();
    EXPECT_EQ(calls, static_cast<int>(many));
}

TEST_F(EventLoopTest, CallsBackOnAnotherThread) {
    std::promise<std::thread::id> thread;
    const auto timer =
        loop.at(Deadline::after({}), [&] { thread.set_value(std::this_thread::get_id()); });
    EXPECT_NE(thread.get_future().get(), std::this_thread::get_id());
}

TEST_F(EventLoopTest, BlocksSignalsOnItsThread) {
    std::promise<bool> blocked;
    const auto timer = loop.at(Deadline::after({}), [&] {
        sigset_t mask;
        pthread_sigmask(SIG_SETMASK, nullptr, &mask);
        blocked.set_value(sigismember(&mask, SIGINT) == 1 && sigismember(&mask, SIGTERM) == 1);
    });
    EXPECT_TRUE(blocked.get_future().get());
}

TEST_F(EventLoopTest, LeavesTheSignalsOfItsMakerOpen) {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    EXPECT_EQ(sigismember(&mask, SIGINT), 0);
}

TEST_F(EventLoopTest, CallsBackNoMoreOnceTheWatchIsGone) {
    { const auto watch = loop.watch(pipe.out.get(), take_from(pipe)); }
    pipe.write("x");
    settle();
    EXPECT_EQ(calls, 0);
}

TEST_F(EventLoopTest, LetsARunningCallbackEndBeforeTheWatchIsGone) {
    std::promise<void> running;
    std::atomic<bool> ended = false;
    auto watch = loop.watch(pipe.out.get(), [&] {
        running.set_value();
        ::poll(nullptr, 0, 10); // work
        ended = true;
        return false;
    });
    pipe.write("x");
    running.get_future().wait();
    watch.reset();
    EXPECT_TRUE(ended);
}

TEST_F(EventLoopTest, DoesNotWaitForTheCallbackOfAnotherWatch) {
    std::promise<void> running;
    std::promise<void> may_end;
    auto unused = loop.watch(other.out.get(), [] { return true; });
    const auto watch = loop.watch(pipe.out.get(), [&] {
        running.set_value();
        may_end.get_future().wait();
        return false;
    });
    pipe.write("x");
    running.get_future().wait();
    unused.reset();
    may_end.set_value();
}

TEST_F(EventLoopTest, LetsACallbackEndItsOwnWatch) {
    std::optional<EventLoop::Watch> watch;
    std::promise<void> is_set;
    watch = loop.watch(pipe.out.get(), [&] {
        is_set.get_future().wait();
        watch.reset();
        ++calls;
        return true; // must not register it again
    });
    is_set.set_value();
    pipe.write("x");
    settle();
    settle();
    EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, LetsACallbackEndTheWatchOfAnother) {
    auto watch = loop.watch(other.out.get(), take_from(other));
    const auto first = loop.at(Deadline::after({}), [&] {
        watch.reset();
        other.write("x");
    });
    settle();
    settle();
    EXPECT_EQ(calls, 0);
}

TEST_F(EventLoopTest, LetsACallbackAddAWatch) {
    std::optional<EventLoop::Watch> added;
    const auto first =
        loop.at(Deadline::after({}), [&] { added = loop.watch(pipe.out.get(), take_from(pipe)); });
    settle();
    pipe.write("x");
    settle();
    EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, MovesAWatch) {
    auto watch = loop.watch(pipe.out.get(), take_from(pipe));
    const auto moved = std::move(watch);
    watch.reset();
    pipe.write("x");
    settle();
    EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, EndsTheWatchThatAnotherReplaces) {
    auto watch = loop.watch(pipe.out.get(), take_from(pipe));
    watch = loop.watch(other.out.get(), take_from(other));
    pipe.write("x");
    settle();
    EXPECT_EQ(calls, 0);
}

TEST_F(EventLoopTest, DoesNotMixUpDescriptorsOfTheSameNumber) {
    const int fd = pipe.out.get();
    auto watch = loop.watch(fd, take_from(pipe));
    watch.reset();
    ASSERT_EQ(::dup2(other.out.get(), fd), fd);
    const auto again = loop.watch(fd, take_from(pipe));
    other.write("x");
    settle();
    EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, FiresATimerOnce) {
    const auto timer = loop.at(Deadline::after({}), [this] { ++calls; });
    settle();
    settle();
    EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, FiresATimerNotBeforeItsTime) {
    const auto deadline = Deadline::after(3ms);
    std::promise<bool> passed;
    const auto timer = loop.at(deadline, [&] { passed.set_value(deadline.passed()); });
    EXPECT_TRUE(passed.get_future().get());
}

TEST_F(EventLoopTest, FiresATimerSoonAfterItsTime) {
    std::promise<void> fired;
    const auto timer = loop.at(Deadline::after(1ms), [&] { fired.set_value(); });
    EXPECT_EQ(fired.get_future().wait_for(5s), std::future_status::ready);
}

TEST_F(EventLoopTest, FiresTimersInTheOrderOfTheirTimes) {
    std::promise<void> fired;
    std::string order;
    const auto late = loop.at(Deadline::after(6ms), [&] {
        order += "late";
        fired.set_value();
    });
    const auto early = loop.at(Deadline::after(2ms), [&] { order += "early "; });
    fired.get_future().wait();
    EXPECT_EQ(order, "early late");
}

TEST_F(EventLoopTest, DoesNotFireATimerThatIsGone) {
    {
        const auto timer = loop.at(Deadline::after(1ms), [this] { ++calls; });
    }
    std::promise<void> later;
    const auto timer = loop.at(Deadline::after(3ms), [&] { later.set_value(); });
    later.get_future().wait();
    EXPECT_EQ(calls, 0);
}

TEST_F(EventLoopTest, LeavesATimerForNeverAlone) {
    const auto timer = loop.at(Deadline::never(), [this] { ++calls; });
    settle();
    EXPECT_EQ(calls, 0);
}

TEST_F(EventLoopTest, LetsATimerSetTheNext) {
    std::promise<void> fired;
    EventLoop::Watch next;
    const auto first = loop.at(Deadline::after({}), [&] {
        next = loop.at(Deadline::after({}), [&] { fired.set_value(); });
    });
    EXPECT_EQ(fired.get_future().wait_for(30s), std::future_status::ready);
}

// Removes another watch when it is destroyed.
struct Remover {
    ~Remover() { watch.reset(); }
    EventLoop::Watch watch;
};

TEST_F(EventLoopTest, LetsACallbackRemoveAnotherWhenItIsDestroyed) {
    auto remover = std::make_shared<Remover>();
    remover->watch = loop.watch(other.out.get(), take_from(other));
    auto watch = loop.watch(pipe.out.get(), [kept = remover] { return true; });
    remover.reset();
    watch.reset();
    other.write("x");
    settle();
    EXPECT_EQ(calls, 0);
}

TEST_F(EventLoopTest, HasDestroyedTheCallbackWhenItsWatchIsGone) {
    auto owned = std::make_shared<int>();
    std::promise<void> running;
    auto watch = loop.watch(pipe.out.get(), [&running, owned] {
        running.set_value();
        std::this_thread::sleep_for(10ms);
        return false;
    });
    pipe.write("x");
    running.get_future().wait();
    watch.reset();
    EXPECT_EQ(owned.use_count(), 1);
}

TEST_F(EventLoopTest, TakesWatchesThatComeAndGoOnManyThreads) {
    const auto come_and_go = [this] {
        for (int i = 0; i < 300; ++i) {
            const Pipe own;
            own.write("x");
            std::promise<void> called;
            const auto watch = loop.watch(own.out.get(), [&] {
                called.set_value();
                return false;
            });
            called.get_future().wait();
            ++calls;
        }
    };
    {
        const std::jthread one(come_and_go);
        const std::jthread two(come_and_go);
    }
    EXPECT_EQ(calls, 600);
}

} // namespace

} // namespace ntd::os
