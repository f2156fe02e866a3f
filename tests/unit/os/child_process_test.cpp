#include <ntd/os/child_process.h>

#include "support.h"

#include <ntd/base/error.h>
#include <ntd/base/scope_exit.h>
#include <ntd/os/wait.h>

#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <memory>

namespace ntd::os {

namespace {

using Words = std::vector<std::string>;

class ChildProcessTest : public testing::Test {
protected:
    std::unique_ptr<ChildProcess> start(const std::string& script, ProcessSpec spec = {}) const {
        spec.argv = {"/bin/sh", "-c", script};
        if (spec.environment.empty())
            spec.environment = current_environment();
        return std::make_unique<ChildProcess>(spec, guard);
    }

    std::string output_of(const std::string& script, ProcessSpec spec = {}) const {
        return read_all(start(script, std::move(spec))->stdout_pipe.get());
    }

    ExitStatus end_of(ChildProcess& child) { return child.wait(soon(), interrupt).value(); }

    // The message of the error that starting a program throws.
    std::string error_of(ProcessSpec spec) const {
        try {
            const ChildProcess child(spec, guard);
        } catch (const SystemError& error) {
            return error.what();
        }
        return "no error";
    }

    OrphanGuard guard;
    Interrupt interrupt;
    ScratchDir scratch;
};

TEST_F(ChildProcessTest, ExecutesADescriptor) {
    const UniqueFd program(::open("/bin/sh", O_RDONLY | O_CLOEXEC));
    const ProcessSpec spec{.argv = {"no such program", "-c", "echo it runs"},
                           .environment = current_environment(),
                           .program_fd = program.get()};
    EXPECT_EQ(read_all(ChildProcess(spec, guard).stdout_pipe.get()), "it runs\n");
}

TEST_F(ChildProcessTest, InheritsOnlyWhatItIsTo) {
    const Pipe pipe;
    const auto number = std::to_string(pipe.in.get());
    const auto script = "readlink /proc/$$/fd/" + number;
    EXPECT_EQ(output_of(script), "");
    EXPECT_TRUE(output_of(script, {.inherited = {pipe.in.get()}}).starts_with("pipe:"));
}

TEST_F(ChildProcessTest, LeadsItsGroupAndItsSessionIfAsked) {
    const std::string script =
        "read -r _ _ _ _ group session _ </proc/$$/stat; echo $$ $group $session";
    const auto child = start(script, {.new_session = true});
    const auto pid = std::to_string(child->pid());
    EXPECT_EQ(read_line(child->stdout_pipe.get()), pid + " " + pid + " " + pid);
}

TEST_F(ChildProcessTest, GivesTheExitStatus) {
    EXPECT_EQ(end_of(*start("exit 7")).status, 7);
}

TEST_F(ChildProcessTest, GivesTheSignalThatEndedIt) {
    EXPECT_EQ(end_of(*start("kill -KILL $$")).signal, SIGKILL);
}

TEST_F(ChildProcessTest, DescribesAnExitStatus) {
    EXPECT_EQ((ExitStatus{.status = 7}.describe()), "exited with status 7");
}

TEST_F(ChildProcessTest, DescribesASignal) {
    EXPECT_EQ((ExitStatus{.signal = SIGKILL}.describe()), "was killed by signal 9 (Killed)");
}

TEST_F(ChildProcessTest, HasPythonsReturnCodeForAStatus) {
    EXPECT_EQ((ExitStatus{.status = 7}.returncode()), 7);
}

TEST_F(ChildProcessTest, HasPythonsReturnCodeForASignal) {
    EXPECT_EQ((ExitStatus{.signal = SIGKILL}.returncode()), -9);
}

TEST_F(ChildProcessTest, ConnectsStandardInput) {
    const auto child = start("cat");
    ASSERT_EQ(::write(child->stdin_pipe.get(), "text", 4), 4);
    child->stdin_pipe.reset();
    EXPECT_EQ(read_all(child->stdout_pipe.get()), "text");
}

TEST_F(ChildProcessTest, KeepsStandardErrorApart) {
    EXPECT_EQ(read_all(start("echo out; echo err >&2")->stderr_pipe.get()), "err\n");
}

TEST_F(ChildProcessTest, GivesNoInputWithoutAPipe) {
    EXPECT_EQ(output_of("cat; echo end", {.pipe_stdin = false}), "end\n");
}

TEST_F(ChildProcessTest, ReadsFromADescriptorOfTheCaller) {
    Pipe pipe;
    pipe.write("text");
    pipe.in.reset();
    EXPECT_EQ(output_of("cat", {.stdin_fd = pipe.out.get()}), "text");
}

TEST_F(ChildProcessTest, WritesToDescriptorsOfTheCaller) {
    Pipe out;
    Pipe err;
    end_of(
        *start("echo out; echo err >&2", {.stdout_fd = out.in.get(), .stderr_fd = err.in.get()}));
    out.in.reset();
    err.in.reset();
    EXPECT_EQ(read_all(out.out.get()) + read_all(err.out.get()), "out\nerr\n");
}

TEST_F(ChildProcessTest, LeavesAloneWhatMayOutliveIt) {
    Pipe pipe;
    auto child = start("exec 5<&0; (read line <&5; echo \"$line\") & exit",
                       {.stdin_fd = pipe.out.get(), .leaves_others = true});
    const UniqueFd out = std::move(child->stdout_pipe);
    end_of(*child);
    child.reset();
    pipe.write("still there\n");
    EXPECT_EQ(read_line(out.get()), "still there");
}

TEST_F(ChildProcessTest, PassesArgumentsAsTheyAre) {
    const ProcessSpec spec{.argv = {"/bin/sh", "-c", "printf '<%s>' \"$@\"", "sh", "a b", "", "*"}};
    EXPECT_EQ(read_all(ChildProcess(spec, guard).stdout_pipe.get()), "<a b><><*>");
}

TEST_F(ChildProcessTest, LooksForAProgramInThePath) {
    // Only sh has the same path on every system.
    ChildProcess child({.argv = {"sh", "-c", "exit 0"}}, guard);
    EXPECT_EQ(end_of(child).status, 0);
}

TEST_F(ChildProcessTest, LooksForAProgramInThePathThatItIsGiven) {
    EXPECT_THROW(ChildProcess({.argv = {"true"}, .environment = {"PATH=/dev"}}, guard),
                 SystemError);
}

TEST_F(ChildProcessTest, GivesTheEnvironmentAndNoOther) {
    const auto path = fmt::format("PATH={}", std::getenv("PATH"));
    const ProcessSpec spec{.argv = {"env"}, .environment = {path, "A=1", "B=2 3"}};
    EXPECT_EQ(read_all(ChildProcess(spec, guard).stdout_pipe.get()), path + "\nA=1\nB=2 3\n");
}

TEST_F(ChildProcessTest, StartsInTheDirectory) {
    EXPECT_EQ(output_of("pwd -P", {.directory = "/dev"}), "/dev\n");
}

TEST_F(ChildProcessTest, StartsInOurDirectoryOtherwise) {
    EXPECT_EQ(output_of("pwd -P"), std::filesystem::current_path().string() + "\n");
}

TEST_F(ChildProcessTest, NamesAProgramThatIsNotThere) {
    EXPECT_EQ(error_of({.argv = {"/no/such/program", "argument"}}),
              "execute '/no/such/program argument': No such file or directory");
}

TEST_F(ChildProcessTest, NamesAProgramThatMayNotBeExecuted) {
    EXPECT_EQ(error_of({.argv = {"/etc/passwd"}}), "execute '/etc/passwd': Permission denied");
}

TEST_F(ChildProcessTest, NamesAProgramThatIsNotInThePath) {
    EXPECT_EQ(error_of({.argv = {"no-such-program"}}),
              "find the program 'no-such-program' in PATH: No such file or directory");
}

TEST_F(ChildProcessTest, RefusesADirectoryThatIsNotThere) {
    EXPECT_NE(error_of({.argv = {"/bin/sh"}, .directory = "/no/such/directory"}), "no error");
}

TEST_F(ChildProcessTest, NamesADirectoryThatIsNotThere) {
    EXPECT_EQ(error_of({.argv = {"/bin/sh"}, .directory = "/no/such/directory"}),
              "enter '/no/such/directory' to execute '/bin/sh': No such file or directory");
}

TEST_F(ChildProcessTest, LeavesNoProcessBehindWhenItCannotStart) {
    error_of({.argv = {"/no/such/program"}});
    siginfo_t ended{};
    ::waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT);
    EXPECT_EQ(ended.si_pid, 0);
}

TEST_F(ChildProcessTest, HasAProcessGroupOfItsOwn) {
    const auto child = start("cat");
    EXPECT_EQ(::getpgid(child->pid()), child->pid());
}

TEST_F(ChildProcessTest, HandlesSignalsAsByDefault) {
    auto* const before = std::signal(SIGPIPE, SIG_IGN);
    const ScopeExit restore([before] { std::signal(SIGPIPE, before); });
    EXPECT_EQ(output_of("grep SigIgn /proc/self/status"), "SigIgn:\t0000000000000000\n");
}

TEST_F(ChildProcessTest, BlocksNoSignals) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const ScopeExit restore([&before] { pthread_sigmask(SIG_SETMASK, &before, nullptr); });
    EXPECT_EQ(output_of("grep SigBlk /proc/self/status"), "SigBlk:\t0000000000000000\n");
}

TEST_F(ChildProcessTest, LeavesOurOwnSignalsAsTheyAre) {
    auto* const before = std::signal(SIGPIPE, SIG_IGN);
    start("true");
    EXPECT_EQ(std::signal(SIGPIPE, before), SIG_IGN);
}

TEST_F(ChildProcessTest, InheritsNoDescriptors) {
    const UniqueFd inheritable(::fcntl(0, F_DUPFD, 100));
    ASSERT_GE(inheritable.get(), 100);
    EXPECT_EQ(
        output_of("test -e /proc/self/fd/" + std::to_string(inheritable.get()) + " || echo closed"),
        "closed\n");
}

TEST_F(ChildProcessTest, KeepsItsOwnDescriptorsFromOtherPrograms) {
    const auto child = start("cat");
    EXPECT_EQ(::fcntl(child->exit_fd(), F_GETFD) & ::fcntl(child->stdin_pipe.get(), F_GETFD) &
                  ::fcntl(child->stdout_pipe.get(), F_GETFD) & FD_CLOEXEC,
              FD_CLOEXEC);
}

TEST_F(ChildProcessTest, HasNoStatusWhileItRuns) {
    EXPECT_FALSE(start("cat")->poll());
}

TEST_F(ChildProcessTest, EndsAWaitAtTheDeadline) {
    EXPECT_FALSE(start("cat")->wait(at_once(), interrupt));
}

TEST_F(ChildProcessTest, KeepsItsStatus) {
    const auto child = start("exit 7");
    end_of(*child);
    EXPECT_EQ(child->poll().value().status, 7);
}

TEST_F(ChildProcessTest, TellsItsEndByADescriptor) {
    EXPECT_TRUE(becomes_readable(start("true")->exit_fd()));
}

TEST_F(ChildProcessTest, HasADescriptorThatIsQuietUntilItsEnd) {
    EXPECT_FALSE(is_readable(start("cat")->exit_fd()));
}

TEST_F(ChildProcessTest, CanBeWaitedForByTwoThreads) {
    const auto child = start("exit 7");
    int status = 0;
    std::jthread other([&] { status = end_of(*child).status; });
    const int ours = end_of(*child).status;
    other.join();
    EXPECT_EQ(status + ours, 14);
}

TEST_F(ChildProcessTest, EndsWithoutAStatusWhenSomebodyElseTookIt) {
    const auto child = start("exit 7");
    ::waitpid(child->pid(), nullptr, 0);
    EXPECT_EQ(child->poll().value().status, 0);
}

// So the pid is not reused, and no signal reaches another process.
TEST_F(ChildProcessTest, KeepsItsPidUntilItsOwnersEnd) {
    const auto child = start("true");
    end_of(*child);
    EXPECT_EQ(::kill(child->pid(), 0), 0);
}

TEST_F(ChildProcessTest, FreesItsPidAtItsOwnersEnd) {
    auto child = start("true");
    const pid_t pid = child->pid();
    child.reset();
    EXPECT_EQ(::waitpid(pid, nullptr, WNOHANG), -1);
}

TEST_F(ChildProcessTest, SendsASignal) {
    const auto child = start("exec cat");
    child->signal(SIGTERM);
    EXPECT_EQ(end_of(*child).signal, SIGTERM);
}

TEST_F(ChildProcessTest, TakesASignalAfterTheEnd) {
    const auto child = start("exit 7");
    end_of(*child);
    child->signal(SIGTERM);
    EXPECT_EQ(child->poll().value().status, 7);
}

TEST_F(ChildProcessTest, SendsASignalToItsChildren) {
    const auto child = start("(echo ready; exec sleep 1000) & wait $!; echo $?");
    ASSERT_EQ(read_line(child->stdout_pipe.get()), "ready");
    std::signal(SIGUSR1, SIG_IGN);
    child->signal_group(SIGKILL);
    EXPECT_EQ(read_all(child->stdout_pipe.get()), "");
}

TEST_F(ChildProcessTest, EndsWithItsOwner) {
    auto child = start("exec cat");
    const auto output = std::move(child->stdout_pipe);
    child.reset();
    EXPECT_EQ(read_all(output.get()), "");
}

TEST_F(ChildProcessTest, TakesItsChildrenAlong) {
    auto child = start("sleep 1000 & echo ready; wait");
    const auto output = std::move(child->stdout_pipe);
    ASSERT_EQ(read_line(output.get()), "ready");
    child.reset();
    EXPECT_EQ(read_all(output.get()), "");
}

TEST_F(ChildProcessTest, TakesItsChildrenAlongAfterItsOwnEnd) {
    auto child = start("sleep 1000 & exit 0");
    const auto output = std::move(child->stdout_pipe);
    end_of(*child);
    child.reset();
    EXPECT_EQ(read_all(output.get()), "");
}

TEST_F(ChildProcessTest, StartsFromManyThreads) {
    const auto start_some = [this] {
        for (int i = 0; i < 5; ++i)
            EXPECT_EQ(output_of("echo text"), "text\n");
    };
    const std::jthread one(start_some);
    const std::jthread two(start_some);
}

TEST(CurrentEnvironment, HasOurVariables) {
    ::setenv("NTD_UNIT_TEST", "a=b c", 1);
    const auto variables = current_environment();
    ::unsetenv("NTD_UNIT_TEST");
    EXPECT_EQ(std::count(variables.begin(), variables.end(), "NTD_UNIT_TEST=a=b c"), 1);
}

} // namespace

} // namespace ntd::os
