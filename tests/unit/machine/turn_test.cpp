#include <ntd/machine/turn.h>

#include <ntd/base/error.h>
#include <ntd/os/wait.h>

#include <gtest/gtest.h>

#include <unistd.h>

#include <future>
#include <optional>
#include <stdexcept>

namespace ntd::machine {

namespace {

using namespace std::chrono_literals;

class TurnTest : public testing::Test {
protected:
    Turn::Holder take(Deadline deadline = Deadline::after(30s)) {
        return turn.take(deadline, interrupt);
    }

    // Holds the turn on a thread of its own until the destructor.
    class Other {
    public:
        explicit Other(Turn& turn)
            : thread_([this, &turn] {
                  os::Interrupt interrupt;
                  const auto holder = turn.take(Deadline::never(), interrupt);
                  has_it_.set_value();
                  let_go_.get_future().wait();
              }) {
            has_it_.get_future().wait();
        }
        ~Other() { let_go(); }
        Other(const Other&) = delete;
        Other& operator=(const Other&) = delete;
        Other(Other&&) = delete;
        Other& operator=(Other&&) = delete;

        void let_go() {
            if (!std::exchange(has_let_go_, true))
                let_go_.set_value();
        }

    private:
        std::promise<void> has_it_;
        std::promise<void> let_go_;
        bool has_let_go_ = false;
        std::jthread thread_; // last: it uses the other members
    };

    // Asks for a turn and returns the message of the error.
    template <typename Failure>
    std::string failure_of_take(Deadline deadline) {
        try {
            const auto holder = take(deadline);
        } catch (const Failure& error) {
            return error.what();
        }
        return "no error";
    }

    Turn turn{"the shell of machine 'web'"};
    os::Interrupt interrupt;
};

TEST_F(TurnTest, IsFreeAtFirst) {
    EXPECT_NO_THROW((void)take(Deadline::after({})));
}

TEST_F(TurnTest, IsFreeAgainAfterwards) {
    { const auto holder = take(); }
    EXPECT_NO_THROW((void)take(Deadline::after({})));
}

TEST_F(TurnTest, IsWaitedFor) {
    Other other(turn);
    other.let_go();
    EXPECT_NO_THROW((void)take(Deadline::never()));
}

TEST_F(TurnTest, IsNotWantedByWhoHasIt) {
    const auto holder = take();
    EXPECT_FALSE(turn.is_wanted());
}

TEST_F(TurnTest, TellsWhoHasItThatItIsWanted) {
    os::Broadcast::Listener wanted(turn.wanted());
    std::jthread other; // joined after the turn is given back
    const auto holder = take();
    other = std::jthread([this] {
        os::Interrupt none;
        (void)turn.take(Deadline::after(30s), none);
    });
    EXPECT_TRUE(os::wait_readable({wanted.fd()}, Deadline::after(30s), interrupt));
    EXPECT_TRUE(turn.is_wanted());
}

TEST_F(TurnTest, IsNotWaitedForBeyondTheDeadline) {
    const Other other(turn);
    EXPECT_EQ(failure_of_take<TimeoutError>(Deadline::after(5ms)),
              "the shell of machine 'web' was in use by another thread until the time-out");
}

TEST_F(TurnTest, IsRefusedToTheThreadThatHasIt) {
    const auto holder = take();
    EXPECT_EQ(
        failure_of_take<MachineError>(Deadline::never()),
        "the shell of machine 'web' is in use by this very thread (a call from inside another "
        "call, as in a signal handler)");
}

TEST_F(TurnTest, StaysWithItsThreadAfterARefusal) {
    const auto holder = take();
    EXPECT_THROW((void)take(), MachineError);
    EXPECT_THROW((void)take(), MachineError);
}

TEST_F(TurnTest, EndsItsWaitWithTheExceptionOfAnInterrupt) {
    const Other other(turn);
    interrupt.set_hook([] { throw std::runtime_error("Ctrl-C"); });
    EXPECT_EQ(::write(interrupt.wake_fd(), "x", 1), 1);
    EXPECT_THROW((void)take(Deadline::never()), std::runtime_error);
}

TEST_F(TurnTest, IsWithOneThreadAtATime) {
    int count = 0; // not atomic: guarded by the turn
    const auto add = [&] {
        os::Interrupt own;
        for (int i = 0; i < 200; ++i) {
            const auto holder = turn.take(Deadline::never(), own);
            const int before = count;
            std::this_thread::yield();
            count = before + 1;
        }
    };
    {
        const std::jthread one(add);
        const std::jthread two(add);
        const std::jthread three(add);
    }
    EXPECT_EQ(count, 600);
}

} // namespace

} // namespace ntd::machine
