#include <ntd/os/orphan_guard.h>

#include "support.h"

#include <ntd/os/child_process.h>

#include <fmt/format.h>

#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <functional>
#include <memory>

namespace ntd::os {

namespace {

// Runs programs that start processes and die without a chance to clean up.
class OrphanGuardTest : public testing::Test {
protected:
    OrphanGuardTest() {
        EXPECT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
        alive.reset(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    }

    // Runs a function in a process that is then killed by SIGKILL. Returns when its guard has
    // ended, too.
    void die_after(const std::function<void(const OrphanGuard&)>& function) const {
        Pipe both; // held open by the process and its guard
        const pid_t pid = ::fork();
        if (pid == 0) {
            const OrphanGuard guard;
            function(guard);
            ::raise(SIGKILL);
        }
        both.in.reset();
        EXPECT_EQ(read_all(both.out.get()), "");
        ::waitpid(pid, nullptr, 0);
    }

    // Starts a script that holds the FIFO open, and waits until it prints "ready".
    std::unique_ptr<ChildProcess> start(const OrphanGuard& guard, const std::string& script) const {
        const ProcessSpec spec{.argv = {"/bin/sh", "-c", "exec 5>" + fifo + "; " + script},
                               .environment = current_environment()};
        auto child = std::make_unique<ChildProcess>(spec, guard);
        EXPECT_EQ(read_line(child->stdout_pipe.get()), "ready");
        return child;
    }

    // Starts a process that holds the FIFO open. It runs in a session of its own, so that signals
    // to its starter do not reach it.
    OtherProcess start_apart(const OrphanGuard& guard, const std::string& first = "") const {
        const auto child =
            start(guard, "setsid sh -c '" + first + "echo ready; echo $$; exec sleep 1000' & wait");
        return OtherProcess(std::stoi(read_line(child->stdout_pipe.get())));
    }

    // Returns what the processes wrote to the FIFO, once all of them have ended.
    std::string words_of_the_dead() const { return read_all(alive.get()); }

    ScratchDir scratch;
    const std::string fifo = scratch.file("fifo");
    UniqueFd alive;
};

TEST_F(OrphanGuardTest, EndsAChild) {
    die_after([this](const OrphanGuard& guard) { start(guard, "echo ready; cat").release(); });
    EXPECT_EQ(words_of_the_dead(), "");
}

TEST_F(OrphanGuardTest, EndsAGrandchild) {
    die_after([this](const OrphanGuard& guard) {
        start(guard, "sleep 1000 & echo ready; wait").release();
    });
    EXPECT_EQ(words_of_the_dead(), "");
}

TEST_F(OrphanGuardTest, EndsAProcessOfAnotherSession) {
    die_after([this](const OrphanGuard& guard) { guard.add_process(start_apart(guard)); });
    EXPECT_EQ(words_of_the_dead(), "");
}

TEST_F(OrphanGuardTest, EndsWhatAProcessOfAnotherSessionHasStarted) {
    die_after([this](const OrphanGuard& guard) {
        guard.add_process(start_apart(guard, "trap \"\" TERM; sleep 1001 & trap - TERM; "));
    });
    EXPECT_EQ(words_of_the_dead(), "");
}

TEST_F(OrphanGuardTest, EndsAProcessOfAnotherSessionOnRequest) {
    const OrphanGuard guard;
    guard.add_process(start_apart(guard));
    guard.end_all();
    EXPECT_EQ(words_of_the_dead(), "");
}

TEST_F(OrphanGuardTest, LeavesAForgottenProcessAlone) {
    die_after([this](const OrphanGuard& guard) {
        const auto process = start_apart(guard);
        guard.add_process(process);
        guard.forget_process(process);
        const UniqueFd fifo_end(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
        const auto line = fmt::format("{}\n", process.pid());
        ::write(fifo_end.get(), line.data(), line.size());
    });
    const pid_t pid = std::stoi(read_line(alive.get()));
    EXPECT_EQ(::kill(pid, SIGKILL), 0);
    EXPECT_EQ(words_of_the_dead(), "");
}

TEST_F(OrphanGuardTest, LetsAChildSayGoodbye) {
    die_after([this](const OrphanGuard& guard) {
        start(guard, "trap 'echo bye >&5; exit' TERM; echo ready; while :; do read x; done")
            .release();
    });
    EXPECT_EQ(words_of_the_dead(), "bye\n");
}

TEST_F(OrphanGuardTest, EndsAGrandchildThatIgnoresTheRequest) {
    die_after([this](const OrphanGuard& guard) {
        start(guard, "(trap '' TERM; echo ready; exec sleep 1000) & wait").release();
    });
    EXPECT_EQ(words_of_the_dead(), "");
}

TEST_F(OrphanGuardTest, LeavesAForgottenGroupAlone) {
    die_after([this](const OrphanGuard& guard) {
        const auto child = start(guard, "echo $$ >&5; echo ready; exec sleep 1000");
        guard.forget(child->pid());
        ::raise(SIGKILL);
    });
    const pid_t pid = std::stoi(read_line(alive.get()));
    EXPECT_EQ(::kill(pid, SIGKILL), 0);
    EXPECT_EQ(words_of_the_dead(), "");
}

TEST_F(OrphanGuardTest, RemovesAFile) {
    const auto link = scratch.file("link");
    std::filesystem::create_symlink("/", link);
    die_after([&](const OrphanGuard& guard) { guard.add_file(link); });
    EXPECT_FALSE(std::filesystem::is_symlink(link));
}

TEST_F(OrphanGuardTest, RemovesAFileAtAnOrderlyEnd) {
    const auto link = scratch.file("link");
    std::filesystem::create_symlink("/", link);
    { OrphanGuard().add_file(link); }
    EXPECT_FALSE(std::filesystem::is_symlink(link));
}

TEST_F(OrphanGuardTest, RemovesAFileWithTheLongestPath) {
    const auto begin = scratch.file("x");
    const auto link = begin + std::string(200 - begin.size(), 'x');
    std::filesystem::create_symlink("/", link);
    { OrphanGuard().add_file(link); }
    EXPECT_FALSE(std::filesystem::is_symlink(link));
}

TEST_F(OrphanGuardTest, RemovesTheLastFileFirst) {
    const auto link = scratch.file("link");
    const auto behind_it = scratch.file("link/file");
    std::filesystem::create_directory(scratch.file("directory"));
    std::filesystem::create_symlink("directory", link);
    std::filesystem::create_symlink("/", behind_it);
    {
        const OrphanGuard guard;
        guard.add_file(link);
        guard.add_file(behind_it);
    }
    EXPECT_FALSE(std::filesystem::is_symlink(scratch.file("directory/file")));
}

TEST_F(OrphanGuardTest, DoesNotRemoveTheBeginOfALongerPath) {
    const auto begin = scratch.file("x");
    const auto link = begin + std::string(220 - begin.size(), 'x');
    const auto shorter = {link.substr(0, 199), link.substr(0, 200)};
    for (const auto& each : shorter)
        std::filesystem::create_symlink("/", each);
    { OrphanGuard().add_file(link); }
    EXPECT_TRUE(std::all_of(shorter.begin(), shorter.end(), [](const std::string& each) {
        return std::filesystem::is_symlink(each);
    }));
}

// Makes a directory tree with some content.
void make_tree(const std::string& path) {
    std::filesystem::create_directories(path + "/below");
    std::filesystem::create_symlink("/", path + "/below/link");
}

TEST_F(OrphanGuardTest, RemovesWhatIsUnfinished) {
    make_tree(scratch.file("tree"));
    const UniqueFd parent(::open(scratch.file("").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    die_after([&](const OrphanGuard& guard) { guard.add_unfinished(parent.get(), "tree"); });
    EXPECT_FALSE(std::filesystem::exists(scratch.file("tree")));
}

TEST_F(OrphanGuardTest, RemovesWhatIsUnfinishedOnRequest) {
    make_tree(scratch.file("tree"));
    const UniqueFd parent(::open(scratch.file("").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const OrphanGuard guard;
    guard.add_unfinished(parent.get(), "tree");
    guard.end_all();
    EXPECT_FALSE(std::filesystem::exists(scratch.file("tree")));
}

TEST_F(OrphanGuardTest, LeavesWhatIsFinished) {
    make_tree(scratch.file("tree"));
    make_tree(scratch.file("other"));
    const UniqueFd parent(::open(scratch.file("").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    die_after([&](const OrphanGuard& guard) {
        const int number = guard.add_unfinished(parent.get(), "tree");
        guard.add_unfinished(scratch.file("other"));
        guard.forget_unfinished(number);
    });
    EXPECT_TRUE(std::filesystem::exists(scratch.file("tree/below")));
    EXPECT_FALSE(std::filesystem::exists(scratch.file("other")));
}

TEST_F(OrphanGuardTest, EndsAllOnRequest) {
    const OrphanGuard guard;
    const auto child = start(guard, "echo ready; cat");
    guard.end_all();
    EXPECT_EQ(words_of_the_dead(), "");
}

TEST_F(OrphanGuardTest, EndsWhatIsLeftAtAnOrderlyEnd) {
    auto guard = std::make_unique<OrphanGuard>();
    const Pipe held;
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::setpgid(0, 0);
        guard->add(::getpid());
        ::write(held.in.get(), "x", 1);
        for (;;)
            ::pause();
    }
    ASSERT_TRUE(becomes_readable(held.out.get()));
    guard.reset();
    int status = 0;
    ::waitpid(pid, &status, 0);
    EXPECT_EQ(WTERMSIG(status), SIGTERM);
}

// A script that forks passes on the guard's socket.
TEST_F(OrphanGuardTest, EndsInAnOrderlyWayAlthoughAForkLivesOn) {
    Pipe until;
    auto guard = std::make_unique<OrphanGuard>();
    const pid_t pid = ::fork();
    if (pid == 0) {
        until.in.reset();
        char byte = 0;
        ::_exit(::read(until.out.get(), &byte, 1) == 0 ? 0 : 1);
    }
    guard.reset();
    until.in.reset();
    int status = -1;
    ::waitpid(pid, &status, 0);
    EXPECT_EQ(status, 0);
}

} // namespace

} // namespace ntd::os
