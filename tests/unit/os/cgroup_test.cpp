#include <ntd/os/cgroup.h>

#include "support.h"

#include <ntd/base/error.h>
#include <ntd/os/child_process.h>

#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <memory>
#include <sstream>

namespace ntd::os {

namespace {

// A cgroup2 directory in which we may create cgroups; empty if there is none.
std::string cgroup_directory() {
    std::ifstream mounts("/proc/self/mounts");
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream words(line);
        std::string device;
        std::string place;
        std::string type;
        words >> device >> place >> type;
        if (type == "cgroup2" && ::access(place.c_str(), W_OK) == 0)
            return place;
    }
    return "";
}

class CgroupTest : public testing::Test {
protected:
    void SetUp() override {
        if (top.empty())
            GTEST_SKIP() << "no cgroup2 that can be written to";
    }

    // Starts a script in a cgroup and waits until it says "ready".
    static std::unique_ptr<ChildProcess>
    start(const Cgroup& cgroup, const std::string& script, const OrphanGuard& guard) {
        const ProcessSpec spec{.argv = {"/bin/sh", "-c", script},
                               .environment = current_environment(),
                               .cgroup_procs = cgroup.procs_fd(),
                               .leaves_others = true};
        auto child = std::make_unique<ChildProcess>(spec, guard);
        EXPECT_EQ(read_line(child->stdout_pipe.get()), "ready");
        return child;
    }

    bool exists() const {
        struct stat status {};
        return ::stat((top + "/" + name).c_str(), &status) == 0;
    }

    const std::string top = cgroup_directory();
    const std::string name = "ntd-unit-test-" + std::to_string(::getpid());
    UniqueFd parent{::open(top.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    OrphanGuard guard;
};

TEST_F(CgroupTest, IsThereAndGoesAgain) {
    {
        const Cgroup cgroup(parent.get(), name, nullptr);
        EXPECT_TRUE(exists());
    }
    EXPECT_FALSE(exists());
}

TEST_F(CgroupTest, FindsTheOneBelowThatAProcessIsIn) {
    const Cgroup above(parent.get(), name, nullptr);
    const Cgroup middle(above.directory(), "middle", nullptr);
    const Cgroup below(middle.directory(), "below", nullptr);
    const auto child = start(below, "echo ready; exec sleep 1000", guard);
    const auto is_same = [](int one, int other) {
        struct stat first {};
        struct stat second {};
        return ::fstat(one, &first) == 0 && ::fstat(other, &second) == 0 &&
               first.st_ino == second.st_ino;
    };
    const auto found = open_cgroup_of(child->pid(), above.directory());
    EXPECT_TRUE(is_same(found.get(), below.directory()));
    EXPECT_TRUE(is_same(open_cgroup_of(::getpid(), above.directory()).get(), above.directory()));
}

TEST_F(CgroupTest, EndsWhatHasLeftItsProcessGroup) {
    auto cgroup = std::make_unique<Cgroup>(parent.get(), name, nullptr);
    const auto child = start(*cgroup, "setsid sh -c 'echo ready; exec sleep 1000' & wait", guard);
    cgroup.reset();
    EXPECT_EQ(read_all(child->stdout_pipe.get()), "");
    EXPECT_FALSE(exists());
}

TEST_F(CgroupTest, EndsWhatIsInOnesBelow) {
    auto cgroup = std::make_unique<Cgroup>(parent.get(), name, nullptr);
    const auto below = top + "/" + name + "/a/b";
    const auto child = start(*cgroup,
                             "mkdir -p " + below + "; echo $$ >" + below +
                                 "/cgroup.procs; echo ready; exec sleep 1000",
                             guard);
    cgroup.reset();
    EXPECT_EQ(read_all(child->stdout_pipe.get()), "");
    EXPECT_FALSE(exists());
}

TEST_F(CgroupTest, IsEndedByTheGuardOfAProcessThatWasKilled) {
    Pipe both; // held open by the process, its guard and the cgroup's processes
    const pid_t pid = ::fork();
    if (pid == 0) {
        const OrphanGuard own_guard;
        auto* cgroup = new Cgroup(parent.get(), name, &own_guard);
        start(*cgroup, "setsid sh -c 'echo ready; exec sleep 1000' & wait", own_guard).release();
        ::raise(SIGKILL);
    }
    both.in.reset();
    EXPECT_EQ(read_all(both.out.get()), "");
    ::waitpid(pid, nullptr, 0);
    EXPECT_FALSE(exists());
}

TEST_F(CgroupTest, ReplacesOneThatWasLeft) {
    EXPECT_EQ(::mkdir((top + "/" + name).c_str(), 0755), 0);
    const Cgroup cgroup(parent.get(), name, nullptr);
    EXPECT_TRUE(exists());
}

TEST_F(CgroupTest, SaysWhatCannotBeMade) {
    try {
        const Cgroup cgroup(parent.get(), "no/such/place", nullptr);
        FAIL() << "no error";
    } catch (const SystemError& error) {
        EXPECT_STREQ(error.what(), "make the cgroup 'no/such/place': No such file or directory");
    }
}

} // namespace

} // namespace ntd::os
