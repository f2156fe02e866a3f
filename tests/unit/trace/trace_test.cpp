#include <ntd/trace/trace.h>

#include <gmock/gmock.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

namespace ntd::trace {

namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

std::atomic<int> times_formatted = 0;

struct Expensive {};

std::string content_of(int fd) {
    std::ifstream in("/proc/self/fd/" + std::to_string(fd), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// Settings that trace into a file in memory.
Settings settings(const char* levels = "") {
    auto made = settings_from(nullptr, levels);
    made.file.reset(::memfd_create("trace", MFD_CLOEXEC));
    return made;
}

// Reads from a pipe until all writers have closed it.
std::string read_all(int fd) {
    std::string all;
    std::array<char, 4096> part{};
    for (ssize_t count = 0; (count = ::read(fd, part.data(), part.size())) > 0;)
        all.append(part.data(), static_cast<std::size_t>(count));
    return all;
}

// A pipe whose buffer is full.
struct FullPipe {
    FullPipe() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
        read_end.reset(ends[0]);
        write_end.reset(ends[1]);
        ::fcntl(ends[1], F_SETFL, O_NONBLOCK);
        const std::string page(4096, 'x');
        while (::write(ends[1], page.data(), page.size()) > 0) {
        }
        ::fcntl(ends[1], F_SETFL, 0);
    }

    UniqueFd read_end;
    UniqueFd write_end;
};

} // namespace

} // namespace ntd::trace

template <>
struct fmt::formatter<ntd::trace::Expensive> : fmt::formatter<std::string_view> {
    template <typename Context>
    auto format(const ntd::trace::Expensive&, Context& context) const {
        ++ntd::trace::times_formatted;
        return fmt::formatter<std::string_view>::format("expensive", context);
    }
};

namespace ntd::trace {

TEST(Trace, FormatsNothingWhenItIsOff) {
    times_formatted = 0;
    info(Category::os, "{}", Expensive());
    EXPECT_EQ(times_formatted, 0);
    const auto quiet = settings("warning");
    const Session session(quiet);
    debug(Category::os, "{}", Expensive());
    EXPECT_EQ(times_formatted, 0);
    warning(Category::os, "{}", Expensive());
    EXPECT_EQ(times_formatted, 1);
}

TEST(Trace, HasTimesLevelCategoryAndThread) {
    const auto all = settings();
    {
        const Session session(all);
        info(Category::os, "spawned {}", 42);
    }
    EXPECT_THAT(content_of(all.file.get()),
                MatchesRegex("[0-9-]+ [0-9:.]+ \\+[0-9.]+ info os: spawned 42 \\[[0-9]+\\]\n"));
}

TEST(Trace, HasTheLevelsThatAreAskedFor) {
    const auto some = settings("info,machine=debug,channel=off");
    {
        const Session session(some);
        debug(Category::os, "hidden");
        debug(Category::machine, "shown");
        sent("QMP", "bytes");
    }
    const auto text = content_of(some.file.get());
    EXPECT_THAT(text, HasSubstr("debug machine: shown"));
    EXPECT_THAT(text, Not(HasSubstr("hidden")));
    EXPECT_THAT(text, Not(HasSubstr("bytes")));
}

TEST(Trace, ShowsBytesWithTheirDirection) {
    const auto all = settings();
    {
        const Session session(all);
        sent("QMP", "to\x1b[1m QEMU\n");
        received("QMP", std::string(3000, 'x'));
    }
    const auto text = content_of(all.file.get());
    EXPECT_THAT(text, HasSubstr("trace channel: QMP < to QEMU ["));
    EXPECT_THAT(text, HasSubstr("QMP > " + std::string(2000, 'x') + "... (3000 bytes) ["));
}

TEST(Trace, KeepsATextInOneLine) {
    const auto all = settings();
    {
        const Session session(all);
        info(Category::os, "{}", "one\ntwo");
    }
    EXPECT_THAT(content_of(all.file.get()), HasSubstr("os: one\\x0atwo ["));
}

TEST(Trace, HasEverythingInTheFileAfterAFlush) {
    const auto all = settings();
    const Session session(all);
    for (int i = 0; i < 500; ++i)
        info(Category::os, "line {}", i);
    EXPECT_TRUE(flush());
    EXPECT_THAT(content_of(all.file.get()), HasSubstr("os: line 499 ["));
}

TEST(Trace, DropsTheOldestAndSaysSoWhenItIsTooMuch) {
    FullPipe pipe;
    auto some = settings();
    some.file = std::move(pipe.write_end);
    std::string text;
    {
        std::jthread reader;
        const Session session(some, 10);
        for (int i = 0; i < 100; ++i)
            info(Category::os, "line {}", i); // nobody waits
        EXPECT_FALSE(flush(std::chrono::milliseconds(1)));
        reader = std::jthread([&] { text = read_all(pipe.read_end.get()); });
        EXPECT_TRUE(flush(std::chrono::seconds(60)));
        some.file.reset();
        // The session ends first, because it has a file descriptor of the pipe, too.
    }
    EXPECT_THAT(text, HasSubstr("os: line 99 ["));
    EXPECT_THAT(text, HasSubstr(" lines are dropped here: too many at once"));
    EXPECT_THAT(text, Not(HasSubstr("os: line 50 [")));
}

TEST(Trace, DoesNotWaitForEverAtItsEnd) {
    FullPipe pipe;
    auto stuck = settings();
    stuck.file = std::move(pipe.write_end);
    {
        const Session session(stuck);
        info(Category::os, "nobody reads this");
    }
    std::array<char, 4096> part{};
    while (!flush(std::chrono::milliseconds(1))) // lets the writer go on
        ASSERT_GT(::read(pipe.read_end.get(), part.data(), part.size()), 0);
    const Session ends_that_writer(settings());
}

// Runs in a process of its own, because make_forks_bystanders() cannot be undone.
TEST(Trace, IsOffInForks) {
    const auto all = settings();
    const pid_t driver = ::fork();
    if (driver == 0) {
        ::alarm(60); // if the test hangs
        make_forks_bystanders();
        const Session session(all);
        info(Category::os, "of the driver");
        const pid_t fork = ::fork();
        info(Category::os, "{}", fork == 0 ? "of the fork" : "also of the driver");
        if (fork == 0)
            ::exit(flush() ? 5 : 6);
        int status = 0;
        ::waitpid(fork, &status, 0);
        flush();
        ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 7);
    }
    int status = 0;
    ::waitpid(driver, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 5);
    const auto text = content_of(all.file.get());
    EXPECT_THAT(text, HasSubstr("os: also of the driver ["));
    EXPECT_THAT(text, Not(HasSubstr("of the fork")));
}

} // namespace ntd::trace
