#include <ntd/driver/config.h>

#include <ntd/base/error.h>

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scratch_dir.h"

namespace ntd::driver {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CheckConfig : public ::testing::Test {
protected:
    static MachineConfig machine(const std::string& name, const std::string& script = "true") {
        return {.name = name, .host_name = name, .start_script = script};
    }

    static std::string refusal(const Config& config) {
        return error_of<UsageError>([&] { check_config(config); });
    }

    static std::string refusal_of_name(const std::string& name) {
        return refusal({.vms = {machine(name)}});
    }

    static std::string refusal_of_script(const std::string& script) {
        return refusal({.vms = {machine("web", script)}});
    }

    ScratchDir scratch_;
};

TEST_F(CheckConfig, AcceptsWhatCanRun) {
    const Config config{.vms = {machine("web", scratch_.program("run-web-vm"))},
                        .containers = {machine("db", scratch_.program("run-db-nspawn"))},
                        .vlans = {0, 1},
                        .test_script = scratch_.file("script.py")};
    EXPECT_EQ(refusal(config), "no error");
}

TEST_F(CheckConfig, AcceptsNothingAtAll) {
    EXPECT_EQ(refusal({}), "no error");
}

TEST_F(CheckConfig, RefusesNamesThatNoDirectoryCanHave) {
    EXPECT_THAT(refusal_of_name(""), HasSubstr("it is empty"));
    EXPECT_THAT(refusal_of_name("."), HasSubstr("'.'"));
    EXPECT_THAT(refusal_of_name(".."), HasSubstr("'..'"));
    EXPECT_THAT(refusal_of_name("a/b"), HasSubstr("machine name 'a/b' (start script 'true') cannot "
                                                  "be used: it has a '/'"));
    EXPECT_THAT(refusal_of_name(std::string("a\0b", 3)), HasSubstr("control character"));
    EXPECT_THAT(refusal_of_name("a\nb"), HasSubstr("control character"));
}

TEST_F(CheckConfig, RefusesNameTooLongForADirectory) {
    EXPECT_EQ(refusal_of_name(std::string(246, 'x')), "no error");
    EXPECT_THAT(refusal_of_name(std::string(247, 'x')),
                HasSubstr("it has 247 bytes, and 246 is the most"));
}

TEST_F(CheckConfig, RefusesTwoMachinesOfOneName) {
    EXPECT_EQ(refusal({.vms = {machine("web")}, .containers = {machine("web", "sh")}}),
              "two machines are named 'web' (start scripts 'true' and 'sh'); give each a name of "
              "its own");
}

TEST_F(CheckConfig, RefusesTwoMachinesOfOneIdentifier) {
    EXPECT_EQ(refusal({.vms = {machine("web-1"), machine("web_1")}}),
              "machines 'web-1' and 'web_1' would both be 'web_1' in the test script; rename one "
              "of them");
}

TEST_F(CheckConfig, TellsThatStartScriptIsMissing) {
    EXPECT_EQ(refusal_of_script("/nowhere/run-web-vm"),
              "machine 'web': start script '/nowhere/run-web-vm' cannot be run: No such file or "
              "directory");
}

TEST_F(CheckConfig, TellsThatStartScriptIsNotExecutable) {
    EXPECT_THAT(refusal_of_script(scratch_.file("run-web-vm")), HasSubstr("Permission denied"));
}

TEST_F(CheckConfig, TellsThatStartScriptIsADirectory) {
    EXPECT_THAT(refusal_of_script(scratch_.path().string()), HasSubstr("Is a directory"));
}

TEST_F(CheckConfig, LooksAtFirstWordOfACommandLine) {
    EXPECT_EQ(refusal_of_script(scratch_.program("start") + " /nowhere --flag"), "no error");
    EXPECT_THAT(refusal_of_script("/nowhere/start /bin/sh"), HasSubstr("'/nowhere/start'"));
}

TEST_F(CheckConfig, SearchesPathForNameWithoutFolder) {
    EXPECT_EQ(refusal_of_script("sh -c true"), "no error");
    EXPECT_THAT(refusal_of_script("no-such-program-here -m 512"),
                HasSubstr("no folder of PATH has an executable file of this name"));
}

TEST_F(CheckConfig, LeavesShellSyntaxToTheShell) {
    EXPECT_EQ(refusal_of_script("exec /nowhere/x"), "no error");
    EXPECT_EQ(refusal_of_script("MEM=1 /nowhere/x"), "no error");
    EXPECT_EQ(refusal_of_script("\"/nowhere/x\""), "no error");
    EXPECT_EQ(refusal_of_script("$START web"), "no error");
}

TEST_F(CheckConfig, KnowsThatAPathMayHaveAnEqualsSign) {
    EXPECT_THAT(refusal_of_script("/nowhere/a=b"), HasSubstr("No such file"));
}

TEST_F(CheckConfig, RefusesStartScriptWithoutWords) {
    EXPECT_EQ(refusal_of_script(" \n"), "machine 'web': its start script is empty");
}

TEST_F(CheckConfig, RefusesStartScriptWithNul) {
    EXPECT_THAT(refusal_of_script(std::string("true\0x", 6)), HasSubstr(R"(true\x00x)"));
}

TEST_F(CheckConfig, RefusesVlansThatNoDeviceNameHolds) {
    EXPECT_EQ(refusal({.vlans = {99'999'999}}), "no error");
    EXPECT_EQ(refusal({.vlans = {100'000'000}}),
              "VLAN number 100000000 cannot be used: it must be from 0 to 99999999");
    EXPECT_THAT(refusal({.vlans = {-1}}), HasSubstr("VLAN number -1"));
}

TEST_F(CheckConfig, RefusesNegativeVsockOffset) {
    EXPECT_THAT(refusal({.vsock_offset = -1}), HasSubstr("vsock offset -1"));
}

TEST_F(CheckConfig, TellsThatTestScriptIsMissing) {
    EXPECT_EQ(refusal({.test_script = "/nowhere/script.py"}),
              "test script '/nowhere/script.py' cannot be read: No such file or directory");
}

TEST_F(CheckConfig, TellsThatTestScriptIsADirectory) {
    EXPECT_THAT(refusal({.test_script = scratch_.path()}), HasSubstr("Is a directory"));
}

TEST_F(CheckConfig, AcceptsTestScriptThatIsAPipe) {
    int ends[2] = {-1, -1};
    ASSERT_EQ(::pipe(ends), 0);
    EXPECT_EQ(refusal({.test_script = "/dev/fd/" + std::to_string(ends[0])}), "no error");
    ::close(ends[0]);
    ::close(ends[1]);
}

// ------------------------------------------------------------------------------ normalise_config

std::string normalised(const std::string& script) {
    Config config{.vms = {{.name = "m", .host_name = "m", .start_script = script}}};
    normalise_config(config);
    return config.vms[0].start_script;
}

TEST(NormaliseConfig, LeavesEachVlanOnceInOrder) {
    Config config{.vlans = {3, 1, 3, 2, 1}};
    normalise_config(config);
    EXPECT_THAT(config.vlans, ElementsAre(3, 1, 2));
}

TEST(NormaliseConfig, MakesRelativeStartScriptAbsolute) {
    const auto here = std::filesystem::current_path().string();
    EXPECT_EQ(normalised("./run-m-vm -x"), here + "/run-m-vm -x");
    EXPECT_EQ(normalised("bin/run-m-vm"), here + "/bin/run-m-vm");
}

TEST(NormaliseConfig, LeavesOtherStartScriptsAlone) {
    EXPECT_EQ(normalised("/x/run-m-vm  -x"), "/x/run-m-vm  -x");
    EXPECT_EQ(normalised("qemu -x"), "qemu -x");
    EXPECT_EQ(normalised("exec ./run-m-vm"), "exec ./run-m-vm");
    EXPECT_EQ(normalised(""), "");
}

TEST(NormaliseConfig, QuotesADirectoryWithBlanksForTheShell) {
    const ScratchDir scratch;
    const auto before = std::filesystem::current_path();
    const auto folder = scratch.path() / "my tests";
    std::filesystem::create_directory(folder);
    std::filesystem::current_path(folder);
    const auto script = normalised("./run-m-vm -x");
    const auto here = std::filesystem::current_path().string();
    std::filesystem::current_path(before);
    EXPECT_EQ(script, "'" + here + "/run-m-vm' -x");
}

} // namespace
} // namespace ntd::driver
