#include <ntd/os/wait.h>

#include "support.h"

#include <ntd/base/error.h>
#include <ntd/os/syscall.h>

#include <sys/wait.h>

namespace ntd::os {

namespace {

class Wait : public testing::Test {
protected:
    // Measures how long a function takes.
    template <typename Function>
    static Deadline::Duration time_of(Function&& function) {
        const auto begin = Deadline::Clock::now();
        function();
        return Deadline::Clock::now() - begin;
    }

    static void fill(int fd) {
        const std::string bytes(65536, 'x');
        while (::write(fd, bytes.data(), bytes.size()) > 0) {
        }
    }

    Interrupt interrupt;
    Pipe one;
    Pipe two;
    SocketPair sockets;
};

TEST_F(Wait, RefusesADescriptorThatSomebodyHasClosed) {
    const int closed = 1'000'000;
    EXPECT_THROW(wait_readable({one.out.get(), closed}, Deadline::never(), interrupt), SystemError);
    EXPECT_THROW(wait_writable(closed, {}, Deadline::never(), interrupt), SystemError);
}

TEST_F(Wait, GivesTheIndexOfTheReadableDescriptor) {
    two.write("x");
    EXPECT_EQ(wait_readable({one.out.get(), two.out.get()}, soon(), interrupt), 1U);
}

TEST_F(Wait, PrefersTheFirstOfTwoReadableDescriptors) {
    one.write("x");
    two.write("x");
    EXPECT_EQ(wait_readable({one.out.get(), two.out.get()}, soon(), interrupt), 0U);
}

TEST_F(Wait, TakesAHangUpForReadable) {
    one.in.reset();
    EXPECT_EQ(wait_readable({one.out.get()}, soon(), interrupt), 0U);
}

TEST_F(Wait, PassesOverNegativeDescriptorsWithoutChangingTheCount) {
    one.write("x");
    EXPECT_EQ(wait_readable({-1, one.out.get()}, soon(), interrupt), 1U);
}

TEST_F(Wait, EndsAtTheDeadline) {
    EXPECT_EQ(wait_readable({one.out.get()}, at_once(), interrupt), std::nullopt);
}

TEST_F(Wait, DoesNotEndBeforeTheDeadline) {
    using namespace std::chrono_literals;
    const auto deadline = Deadline::after(3ms);
    wait_readable({one.out.get()}, deadline, interrupt);
    EXPECT_TRUE(deadline.passed());
}

TEST_F(Wait, WaitsForTheDeadlineAloneWithoutDescriptors) {
    EXPECT_EQ(wait_readable({}, at_once(), interrupt), std::nullopt);
}

TEST_F(Wait, SeesWhatIsThereAlthoughTheDeadlineHasPassed) {
    one.write("x");
    EXPECT_EQ(wait_readable({one.out.get()}, Deadline::after({}), interrupt), 0U);
}

TEST_F(Wait, EndsWhenAnotherThreadWrites) {
    const std::jthread writer([&] { one.write("x"); });
    EXPECT_EQ(wait_readable({one.out.get()}, Deadline::never(), interrupt), 0U);
}

TEST_F(Wait, TellsThatADescriptorTakesBytes) {
    EXPECT_TRUE(wait_writable(sockets.ours.get(), {-1}, soon(), interrupt));
}

TEST_F(Wait, EndsAtTheDeadlineForADescriptorThatTakesNoBytes) {
    fill(sockets.ours.get());
    EXPECT_FALSE(wait_writable(sockets.ours.get(), {-1}, at_once(), interrupt));
}

TEST_F(Wait, EndsForADescriptorThatTakesNoBytesWhenTheOtherSideHasEnded) {
    fill(sockets.ours.get());
    one.in.reset();
    EXPECT_FALSE(wait_writable(sockets.ours.get(), {one.out.get()}, Deadline::never(), interrupt));
}

TEST_F(Wait, PrefersADescriptorThatTakesBytesToTheOtherSidesEnd) {
    one.in.reset();
    EXPECT_TRUE(wait_writable(sockets.ours.get(), {one.out.get()}, soon(), interrupt));
}

TEST(SetNonblocking, MakesAReadReturn) {
    const Pipe pipe;
    set_nonblocking(pipe.out.get());
    char byte = 0;
    EXPECT_EQ(::read(pipe.out.get(), &byte, 1), -1);
}

// Runs a function in a forked process, with these descriptors closed, and returns its exit status.
template <typename Function>
int status_without(std::initializer_list<int> closed, Function&& function) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        for (const int fd : closed)
            ::close(fd);
        ::_exit(function());
    }
    int status = -1;
    ::waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
}

TEST(OpenStandardStreams, KeepsTheirNumbersFromOthers) {
    EXPECT_EQ(status_without({0, 1, 2},
                             [] {
                                 open_standard_streams();
                                 return ::open("/", O_RDONLY | O_CLOEXEC) > 2 ? 0 : 1;
                             }),
              0);
}

TEST(OpenStandardStreams, LeavesOpenOnesAlone) {
    const Pipe pipe;
    EXPECT_EQ(status_without({2},
                             [&] {
                                 ::dup2(pipe.in.get(), 1);
                                 open_standard_streams();
                                 return ::write(1, "x", 1) == 1 && is_readable(pipe.out.get()) ? 0
                                                                                               : 1;
                             }),
              0);
}

TEST(SetNonblocking, NamesADescriptorThatIsNotOpen) {
    try {
        set_nonblocking(-1);
        FAIL() << "no error";
    } catch (const SystemError& error) {
        EXPECT_STREQ(error.what(), "make descriptor -1 non-blocking: Bad file descriptor");
    }
}

} // namespace

} // namespace ntd::os
