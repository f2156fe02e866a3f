#include <ntd/os/namespaces.h>

#include "support.h"

#include <ntd/base/error.h>
#include <ntd/os/child_process.h>

#include <sys/mount.h>

#include <stdexcept>

namespace ntd::os {

namespace {

class NamespacesTest : public testing::Test {
protected:
    void SetUp() override {
        if (::geteuid() != 0)
            GTEST_SKIP() << "namespaces take root";
#ifdef __SANITIZE_THREAD__
        GTEST_SKIP()
            << "the sanitizer starts a thread in each child, and threads cannot enter them";
#endif
    }

    std::string output_of(const std::string& script, const Namespaces& namespaces) const {
        const ProcessSpec spec{.argv = {"/bin/sh", "-c", script},
                               .environment = current_environment(),
                               .namespaces = {namespaces.mount(), namespaces.network()}};
        return read_all(ChildProcess(spec, guard).stdout_pipe.get());
    }

    void mount_something() const {
        EXPECT_EQ(::mount("tmpfs", scratch.file("").c_str(), "tmpfs", 0, nullptr), 0);
        EXPECT_EQ(::close(::open(inside.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
    }

    OrphanGuard guard;
    ScratchDir scratch;
    const std::string inside = scratch.file("inside");
};

TEST_F(NamespacesTest, HaveTheMountsThatNobodyElseHas) {
    const Namespaces namespaces([&](bool) { mount_something(); });
    EXPECT_EQ(output_of("ls " + scratch.file(""), namespaces), "inside\n");
    EXPECT_NE(::access(inside.c_str(), F_OK), 0);
}

TEST_F(NamespacesTest, HaveANetworkWithItsLoopbackUp) {
    const Namespaces namespaces([](bool) {});
    EXPECT_EQ(output_of("ls /sys/class/net; cat /sys/class/net/lo/flags", namespaces),
              "lo\n0x9\n"); // IFF_UP, IFF_LOOPBACK
}

TEST_F(NamespacesTest, KnowTheDevicesOfTheNetwork) {
    const Namespaces namespaces([](bool) {});
    EXPECT_TRUE(namespaces.has_device("lo"));
    EXPECT_FALSE(namespaces.has_device("no-such-device"));
}

TEST_F(NamespacesTest, PassOnWhatGoesWrongInTheirPreparation) {
    const auto make = [] {
        const Namespaces namespaces([](bool) { throw std::runtime_error("no"); });
    };
    EXPECT_THROW(make(), std::runtime_error);
}

} // namespace

} // namespace ntd::os
