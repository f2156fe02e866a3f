#include <ntd/base/deadline.h>

#include <gtest/gtest.h>

#include <limits>

namespace ntd {

namespace {

using std::chrono::duration;
using namespace std::chrono_literals;

TEST(Deadline, LiesInTheFutureAfterAPositiveTime) {
    EXPECT_FALSE(Deadline::after(1h).passed());
}

TEST(Deadline, HasPassedAfterNoTime) {
    EXPECT_TRUE(Deadline::after(0s).passed());
}

TEST(Deadline, HasPassedAfterANegativeTime) {
    EXPECT_TRUE(Deadline::after(-1h).passed());
}

TEST(Deadline, HasPassedAfterLessThanTheClockCanCount) {
    EXPECT_TRUE(Deadline::after(duration<double>(-1e300)).passed());
}

TEST(Deadline, IsNeverAfterMoreThanTheClockCanCount) {
    EXPECT_TRUE(Deadline::after(duration<double>(1e300)).is_never());
}

TEST(Deadline, IsNeverAfterInfinity) {
    EXPECT_TRUE(
        Deadline::after(duration<double>(std::numeric_limits<double>::infinity())).is_never());
}

TEST(Deadline, IsNeverAfterNoNumber) {
    EXPECT_TRUE(
        Deadline::after(duration<double>(std::numeric_limits<double>::quiet_NaN())).is_never());
}

TEST(Deadline, NeverPasses) {
    EXPECT_FALSE(Deadline::never().passed());
}

TEST(Deadline, LeavesNothingOncePassed) {
    EXPECT_EQ(Deadline::after(-1s).left(), Deadline::Duration::zero());
}

TEST(Deadline, LeavesAllTimeIfNever) {
    EXPECT_EQ(Deadline::never().left(), Deadline::Duration::max());
}

TEST(Deadline, LeavesNoMoreThanItWasGiven) {
    EXPECT_LE(Deadline::after(10s).left(), 10s);
}

TEST(Deadline, SoonerIsTheOneThatPassesFirst) {
    const auto soon = Deadline::after(1s);
    const auto late = Deadline::after(1h);
    EXPECT_EQ(sooner(late, soon).at(), soon.at());
}

TEST(Deadline, SoonerPrefersAnyTimeToNever) {
    EXPECT_FALSE(sooner(Deadline::never(), Deadline::after(1h)).is_never());
}

TEST(Deadline, WaitsForEverInPollIfNever) {
    EXPECT_EQ(Deadline::never().left_ms(), -1);
}

TEST(Deadline, DoesNotWaitInPollOncePassed) {
    EXPECT_EQ(Deadline::after(0s).left_ms(), 0);
}

TEST(Deadline, RoundsMillisecondsUp) {
    const auto deadline = Deadline::after(1h);
    EXPECT_GE(std::chrono::milliseconds(deadline.left_ms()), deadline.left());
}

TEST(Deadline, KeepsMillisecondsWithinAnInt) {
    EXPECT_EQ(Deadline::after(duration<double>(3e9)).left_ms(), 1'000'000'000);
}

} // namespace

} // namespace ntd
