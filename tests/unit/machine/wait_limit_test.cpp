#include <ntd/machine/wait_limit.h>

#include <ntd/machine/host.h>
#include <ntd/machine/retry.h>

#include <gtest/gtest.h>

#include <thread>

namespace ntd::machine {

namespace {

using namespace std::chrono_literals;

constexpr Seconds long_time = 1h;

TEST(WaitLimit, IsNeverOutsideOfWaits) {
    EXPECT_TRUE(WaitLimit::current().is_never());
}

TEST(WaitLimit, IsThatOfAllDeadlinesThatAreMadeInIt) {
    const WaitLimit limit(Deadline::after(1s));
    EXPECT_EQ(deadline_of(long_time).at(), limit.deadline().at());
    EXPECT_EQ(deadline_of(std::nullopt).at(), limit.deadline().at());
}

TEST(WaitLimit, LeavesSoonerDeadlinesAlone) {
    const WaitLimit limit(Deadline::after(long_time));
    EXPECT_LT(deadline_of(Seconds(1)).at(), limit.deadline().at());
}

TEST(WaitLimit, IsNoLaterThanThatOfTheWaitAround) {
    const WaitLimit outer(Deadline::after(1s));
    const WaitLimit inner(Deadline::after(long_time));
    EXPECT_EQ(inner.deadline().at(), outer.deadline().at());
}

TEST(WaitLimit, GivesOvertimeToWhatIsUnderWay) {
    const WaitLimit limit(Deadline::after(0s), 1h);
    EXPECT_TRUE(limit.passed());
    EXPECT_FALSE(WaitLimit::current().passed());
}

TEST(WaitLimit, EndsWithItsWait) {
    { const WaitLimit limit(Deadline::after(1s)); }
    EXPECT_TRUE(WaitLimit::current().is_never());
}

TEST(WaitLimit, IsOfOneThread) {
    const WaitLimit limit(Deadline::after(1s));
    std::jthread([] { EXPECT_TRUE(WaitLimit::current().is_never()); }).join();
}

TEST(WaitLimit, KnowsWhatItHasCut) {
    const WaitLimit limit(Deadline::after(0s));
    EXPECT_FALSE(limit.has_cut());
    WaitLimit::note_deadline_reached();
    EXPECT_TRUE(limit.has_cut());
}

TEST(WaitLimit, HasNotCutWhatHadALimitOfItsOwn) {
    const WaitLimit limit(Deadline::after(long_time));
    WaitLimit::note_deadline_reached();
    EXPECT_FALSE(limit.has_cut());
}

TEST(WaitLimit, DoesNotCountPauses) {
    const WaitLimit limit(Deadline::after(long_time));
    const auto before = limit.deadline().at();
    { const WaitLimit::Pause booting; }
    EXPECT_GT(limit.deadline().at(), before);
}

class RetryWithLimit : public testing::Test {
protected:
    void look_with(const std::function<bool(bool last)>& attempt) {
        retry(
            attempt, 20ms, [] { return SharedFd(); }, interrupt);
    }

    static void wait_for_the_limit() {
        std::this_thread::sleep_until(WaitLimit::current().at());
        WaitLimit::note_deadline_reached();
    }

    os::Interrupt interrupt;
};

TEST_F(RetryWithLimit, TakesAFailureThatTheLimitMadeForNotYet) {
    int looks = 0;
    EXPECT_NO_THROW(look_with([&](bool last) {
        ++looks;
        if (last)
            return true;
        wait_for_the_limit();
        throw RequestedAssertionFailed("command failed (exit code 124)");
    }));
    EXPECT_EQ(looks, 2);
}

TEST_F(RetryWithLimit, SaysThatItTimedOutIfAlsoTheLastLookIsCut) {
    try {
        look_with([](bool) -> bool {
            wait_for_the_limit();
            throw_timed_out("no answer");
        });
        FAIL() << "no error";
    } catch (const RequestedAssertionFailed& error) {
        EXPECT_TRUE(std::string(error.what()).starts_with("action timed out after"));
    }
}

TEST_F(RetryWithLimit, PassesOnAFailureThatIsNotTheLimits) {
    EXPECT_THROW(look_with([](bool) -> bool { throw RequestedAssertionFailed("the unit failed"); }),
                 RequestedAssertionFailed);
    EXPECT_THROW(look_with([](bool) -> bool {
                     wait_for_the_limit();
                     throw MachineDied("it ended");
                 }),
                 MachineDied);
}

} // namespace

} // namespace ntd::machine
