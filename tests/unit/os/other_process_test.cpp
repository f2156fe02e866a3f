#include <ntd/os/other_process.h>

#include "support.h"

#include <ntd/os/child_process.h>
#include <ntd/os/unix_socket.h>

#include <sys/wait.h>

#include <csignal>

namespace ntd::os {

namespace {

class OtherProcessTest : public testing::Test {
protected:
    OrphanGuard guard;
    Interrupt interrupt;
    ChildProcess child{{.argv = {"sleep", "1000"}, .environment = current_environment()}, guard};
};

TEST_F(OtherProcessTest, KnowsItsParent) {
    EXPECT_TRUE(OtherProcess(child.pid()).is_child_of(::getpid()));
    EXPECT_FALSE(OtherProcess(child.pid()).is_child_of(child.pid()));
    EXPECT_FALSE(OtherProcess().is_child_of(::getpid()));
}

TEST_F(OtherProcessTest, HasACommandLine) {
    const std::vector<std::string> words{"sleep", "1000"};
    EXPECT_EQ(command_line_of(child.pid()), words);
    EXPECT_TRUE(command_line_of(-1).empty());
}

TEST_F(OtherProcessTest, HasNoParentWhenItIsNotThere) {
    EXPECT_EQ(parent_of(child.pid()), ::getpid());
    EXPECT_EQ(parent_of(-1), -1);
}

TEST_F(OtherProcessTest, KnowsWhoHasBeenThereBefore) {
    EXPECT_TRUE(OtherProcess(1).is_older_than(child.pid()));
    EXPECT_FALSE(OtherProcess(child.pid()).is_older_than(1));
    EXPECT_FALSE(OtherProcess(child.pid()).is_older_than(child.pid()));
}

TEST_F(OtherProcessTest, IsWhoHasConnected) {
    const ScratchDir scratch;
    UnixListener listener(scratch.file("socket"));
    const auto theirs = connect_unix(scratch.file("socket"));
    EXPECT_EQ(peer_of(listener.accept().get()).pid(), ::getpid());
    EXPECT_EQ(peer_of(theirs.get()).pid(), ::getpid());
    EXPECT_FALSE(peer_of(theirs.get()).has_ended());
}

TEST_F(OtherProcessTest, IsNobodyWhoHasGone) {
    const ScratchDir scratch;
    UnixListener listener(scratch.file("socket"));
    const pid_t pid = ::fork();
    if (pid == 0) {
        (void)connect_unix(scratch.file("socket"));
        ::_exit(0);
    }
    ::waitpid(pid, nullptr, 0);
    EXPECT_TRUE(peer_of(listener.accept().get()).has_ended());
}

TEST_F(OtherProcessTest, GetsSignals) {
    const OtherProcess process(child.pid());
    EXPECT_FALSE(process.has_ended());
    process.signal(SIGTERM);
    EXPECT_EQ(child.wait(soon(), interrupt).value().signal, SIGTERM);
    EXPECT_TRUE(process.has_ended());
}

} // namespace

} // namespace ntd::os
