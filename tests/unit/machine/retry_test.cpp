#include <ntd/machine/retry.h>

#include <ntd/base/error.h>
#include <ntd/base/unique_fd.h>

#include <gmock/gmock.h>

#include <fcntl.h>

#include <array>
#include <stdexcept>

namespace ntd::machine {

namespace {

using namespace std::chrono_literals;
using testing::MatchesRegex;

class Retry : public testing::Test {
protected:
    Retry() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
        exit_fd.reset(ends[0]);
        alive.reset(ends[1]);
    }

    // Retries until the given try succeeds, and records the `last` argument of each.
    void succeed_at(std::size_t which, Timeout timeout) {
        retry(
            [&](bool last) {
                tries.push_back(last);
                return tries.size() == which;
            },
            timeout, [this] { return SharedFd(SharedFd(), &exit_fd); }, interrupt);
    }

    void never_succeed(Timeout timeout) { succeed_at(0, timeout); }

    std::string failure_of(Timeout timeout) {
        try {
            never_succeed(timeout);
        } catch (const Error& error) {
            return error.what();
        }
        return "no error";
    }

    std::vector<bool> tries;
    UniqueFd exit_fd;
    UniqueFd alive; // exit_fd becomes readable when this is closed
    os::Interrupt interrupt;
    WaitLimit no_limit{Deadline::never()};
};

TEST_F(Retry, EndsWithTheFirstSuccess) {
    succeed_at(1, std::nullopt);
    EXPECT_EQ(tries, std::vector{false});
}

TEST_F(Retry, TriesAgainAfterAFailure) {
    succeed_at(3, std::nullopt);
    EXPECT_EQ(tries.size(), 3U);
}

TEST_F(Retry, TriesOnceWithoutTime) {
    EXPECT_THROW(never_succeed(0s), RequestedAssertionFailed);
    EXPECT_EQ(tries, std::vector{true});
}

TEST_F(Retry, AcceptsTheSuccessOfTheLastTry) {
    EXPECT_NO_THROW(succeed_at(1, 0s));
}

TEST_F(Retry, TellsTheLastTryThatItIsTheLast) {
    EXPECT_THROW(never_succeed(20ms), RequestedAssertionFailed);
    EXPECT_TRUE(tries.back());
}

TEST_F(Retry, TellsTheOthersThatTheyAreNot) {
    EXPECT_THROW(never_succeed(20ms), RequestedAssertionFailed);
    EXPECT_EQ(std::count(tries.begin(), tries.end(), true), 1);
}

TEST_F(Retry, PausesBetweenTries) {
    EXPECT_THROW(never_succeed(100ms), RequestedAssertionFailed);
    EXPECT_LE(tries.size(), 11U); // at 0, 10, ... 90 ms, and the last one at 100 ms
}

TEST(PauseAfterTry, IsShortAtFirst) {
    EXPECT_EQ(pause_after_try(0s, 0s).most, 10ms);
}

TEST(PauseAfterTry, LeavesNineTenthsOfTheTimeToTheGuest) {
    EXPECT_DOUBLE_EQ(pause_after_try(50ms, 1s).least.count(), 0.9);
    EXPECT_DOUBLE_EQ(pause_after_try(200ms, 1s).least.count(), 1.8);
}

// The Python driver tries once a second, whatever a try costs.
TEST(PauseAfterTry, IsNoLongerThanASecondForTriesOfATenthOfThat) {
    EXPECT_EQ(pause_after_try(60ms, 60s).most, 1s);
    EXPECT_EQ(pause_after_try(100ms, 60s).most, 1s);
}

TEST(PauseAfterTry, IsNotThatOfATryThatBlocked) {
    EXPECT_EQ(pause_after_try(60s, 60s).most, 3s);
}

TEST(PauseAfterTry, GrowsWithTheWait) {
    EXPECT_DOUBLE_EQ(pause_after_try(1ms, 10s).most.count(), 0.1);
}

TEST(PauseAfterTry, GrowsUpToASecond) {
    EXPECT_EQ(pause_after_try(1ms, 900s).most, 1s);
}

TEST_F(Retry, LooksAgainWhenThereAreNews) {
    os::Broadcast source;
    Rest rest(no_limit, interrupt, News{source});
    source.notify();
    EXPECT_EQ(rest.wait({0ms, 10ms, 900s}, exit_fd.get()), PauseEnd::news);
}

TEST_F(Retry, RestsTheLeastTimeWhateverTheNews) {
    os::Broadcast source;
    Rest rest(no_limit, interrupt, News{source, [] { return false; }});
    source.notify();
    const auto begin = Deadline::Clock::now();
    rest.wait({0ms, 30ms, 30ms}, exit_fd.get());
    EXPECT_GE(Deadline::Clock::now() - begin, 30ms);
}

TEST_F(Retry, LooksAgainAtOnceWhenTheNewsConcernTheWait) {
    os::Broadcast source;
    Rest rest(no_limit, interrupt, News{source, [] { return true; }});
    source.notify();
    EXPECT_EQ(rest.wait({0ms, 900s, 900s}, exit_fd.get()), PauseEnd::news);
}

TEST_F(Retry, RestsAsLongAsTheTryTookInAnyCase) {
    os::Broadcast source;
    Rest rest(no_limit, interrupt, News{source, [] { return true; }});
    source.notify();
    const auto begin = Deadline::Clock::now();
    rest.wait({30ms, 900s, 900s}, exit_fd.get());
    EXPECT_GE(Deadline::Clock::now() - begin, 30ms);
}

TEST_F(Retry, TakesNoNewsFromBeforeATry) {
    os::Broadcast source;
    Rest rest(no_limit, interrupt, News{source, [] { return true; }});
    source.notify();
    rest.begin_try();
    const auto begin = Deadline::Clock::now();
    rest.wait({0ms, 30ms, 30ms}, exit_fd.get());
    EXPECT_GE(Deadline::Clock::now() - begin, 30ms);
}

TEST_F(Retry, SaysThatTimeIsUp) {
    EXPECT_THAT(failure_of(20ms),
                MatchesRegex("action timed out after [0-9.]+ seconds \\(timeout=0.02\\)"));
}

TEST_F(Retry, EndsWhenTheMachineDoes) {
    alive.reset();
    EXPECT_THROW(never_succeed(std::nullopt), MachineDied);
}

TEST_F(Retry, TriesOnceMoreWhenTheMachineHasEnded) {
    alive.reset();
    EXPECT_NO_THROW(succeed_at(2, std::nullopt));
}

TEST_F(Retry, TellsTheTryAfterTheMachinesEndThatItIsTheLast) {
    alive.reset();
    succeed_at(2, std::nullopt);
    EXPECT_EQ(tries, (std::vector{false, true}));
}

TEST_F(Retry, DoesWithoutADescriptor) {
    exit_fd.reset();
    EXPECT_NO_THROW(succeed_at(2, std::nullopt));
}

TEST_F(Retry, LetsTheErrorOfATryThrough) {
    EXPECT_THROW(retry([](bool) -> bool { throw MachineError("gone"); }, std::nullopt,
                       [] { return nullptr; }, interrupt),
                 MachineError);
}

TEST_F(Retry, EndsWithTheExceptionOfAnInterrupt) {
    interrupt.set_hook([] { throw std::runtime_error("Ctrl-C"); });
    EXPECT_EQ(::write(interrupt.wake_fd(), "x", 1), 1);
    EXPECT_THROW(never_succeed(std::nullopt), std::runtime_error);
}

} // namespace

} // namespace ntd::machine
