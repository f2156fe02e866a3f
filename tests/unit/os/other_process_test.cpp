#include <ntd/os/other_process.h>

#include "support.h"

#include <ntd/os/child_process.h>

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

TEST_F(OtherProcessTest, GetsSignals) {
    const OtherProcess process(child.pid());
    EXPECT_FALSE(process.has_ended());
    process.signal(SIGTERM);
    EXPECT_EQ(child.wait(soon(), interrupt).value().signal, SIGTERM);
    EXPECT_TRUE(process.has_ended());
}

} // namespace

} // namespace ntd::os
