#include <ntd/driver/config.h>

#include <ntd/base/error.h>
#include <ntd/driver/config_keys.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scratch_dir.h"

#include <algorithm>

namespace ntd::driver {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// The parts of a valid file. Tests replace one of them.
struct Parts {
    std::string vms = R"({"server": {"name": "srv", "start_script": "/s/run-srv-vm"}})";
    std::string containers = "{}";
    std::string vlans = "[1, 2]";
    std::string global_timeout = "3600";
    std::string enable_ssh_backdoor = "false";
    std::string test_script = R"("/s/script")";
    std::string more{};
};

std::string json(const Parts& parts) {
    return R"({"vms": )" + parts.vms + R"(, "containers": )" + parts.containers + R"(, "vlans": )" +
           parts.vlans + R"(, "global_timeout": )" + parts.global_timeout +
           R"(, "enable_ssh_backdoor": )" + parts.enable_ssh_backdoor + R"(, "test_script": )" +
           parts.test_script + parts.more + "}";
}

class ReadConfig : public ::testing::Test {
protected:
    Config read(const std::string& text) {
        return read_config(scratch_.file("test.json", text), unknown_keys_);
    }

    std::string refusal(const std::string& text) {
        return error_of<UsageError>([&] { read(text); });
    }

    ScratchDir scratch_;
    std::vector<std::string> unknown_keys_;
};

TEST_F(ReadConfig, TakesEveryKey) {
    const Config config = read(json({.containers = R"({"c": {"name": "n", "start_script": "/n"}})",
                                     .enable_ssh_backdoor = "true"}));
    ASSERT_EQ(config.vms.size(), 1U);
    EXPECT_EQ(config.vms[0].name, "server");
    EXPECT_EQ(config.vms[0].host_name, "srv");
    EXPECT_EQ(config.vms[0].start_script, "/s/run-srv-vm");
    ASSERT_EQ(config.containers.size(), 1U);
    EXPECT_EQ(config.containers[0].name, "c");
    EXPECT_THAT(config.vlans, ElementsAre(1, 2));
    EXPECT_EQ(config.global_timeout, 3600.0);
    EXPECT_TRUE(config.enable_ssh_backdoor);
    EXPECT_EQ(config.test_script, "/s/script");
    EXPECT_EQ(config.habits.boot_limit, std::chrono::seconds(300));
    EXPECT_TRUE(config.habits.warns);
    EXPECT_THAT(unknown_keys_, IsEmpty());
}

TEST_F(ReadConfig, ReturnsUnknownKeysDotted) {
    read(json({.vms = R"({"a": {"name": "a", "start_script": "/a", "colour": 1}})",
               .more = R"(, "extra": null)"}));
    EXPECT_THAT(unknown_keys_, ElementsAre("vms.a.colour", "extra"));
}

TEST_F(ReadConfig, KnowsTheDisplayKeys) {
    read(json({.containers = R"({"c": {"name": "c", "start_script": "/c",
                                 "display_targets": [], "display_exporters": {}}})",
               .more = R"(, "display_viewers": {})"}));
    EXPECT_THAT(unknown_keys_, IsEmpty());
}

TEST_F(ReadConfig, TakesDisplays) {
    const Config config = read(
        json({.containers = R"({"c": {"name": "c", "start_script": "/c",
             "display_targets": [{"backend": "x11"}, {"backend": "x11", "display": ":1",
                                                      "xauthority": "/x"}],
             "display_exporters": {"x11": {"kind": "x11-vnc", "server": "/s", "relay": "/r"}}}})",
              .more = R"(, "display_viewers": {"vnc": {"kind": "vnc", "executable": "/v"}})"}));
    const auto& box = config.containers.at(0);
    ASSERT_EQ(box.display_targets.size(), 2U);
    EXPECT_EQ(box.display_targets[0].display, ":0");
    EXPECT_EQ(box.display_targets[0].xauthority, "/root/.Xauthority");
    EXPECT_EQ(box.display_targets[1].display, ":1");
    EXPECT_EQ(box.display_targets[1].xauthority, "/x");
    EXPECT_EQ(box.display_servers.at("x11"), "/s");
    EXPECT_EQ(config.display_viewers.at("vnc"), "/v");
}

TEST_F(ReadConfig, NamesWhatIsWrongWithDisplays) {
    const auto refusal_of = [this](const std::string& key_and_value) {
        return refusal(json({.containers = R"({"c": {"name": "c", "start_script": "/c", )" +
                                           key_and_value + "}}"}));
    };
    EXPECT_THAT(refusal_of(R"("display_targets": {})"),
                HasSubstr("key 'containers.c.display_targets' is an object; it must be a list"));
    EXPECT_THAT(refusal_of(R"("display_targets": [{}])"),
                HasSubstr("key 'containers.c.display_targets.0.backend' is missing"));
    EXPECT_THAT(refusal_of(R"("display_exporters": {"x11": {}})"),
                HasSubstr("key 'containers.c.display_exporters.x11.server' is missing"));
    EXPECT_THAT(refusal_of(R"("display_exporters": {"x11": {"server": "/s", "relay": 1}})"),
                HasSubstr("key 'containers.c.display_exporters.x11.relay' is the number 1"));
    EXPECT_THAT(refusal_of(R"("display_exporters": {"x11": {"server": "/s", "kind": []}})"),
                HasSubstr("key 'containers.c.display_exporters.x11.kind' is a list"));
    EXPECT_THAT(refusal_of(R"("vnc": true)"),
                HasSubstr("key 'containers.c.vnc' is the boolean true; it must be an object"));
    EXPECT_THAT(refusal_of(R"("vnc": {"x11vnc": "/s"})"),
                HasSubstr("key 'containers.c.vnc.tigervnc' is missing"));
    EXPECT_THAT(refusal_of(R"("vnc": {"x11vnc": "/s", "tigervnc": "/v"},
                              "display_targets": [{"backend": "x11"}])"),
                HasSubstr("keys 'containers.c.vnc' and 'containers.c.display_targets' both"));
}

TEST_F(ReadConfig, TakesADisplayAsVnc) {
    const Config config =
        read(json({.vms = R"({"a": {"name": "a", "start_script": "/a", "vnc": null}})",
                   .containers = R"({"c": {"name": "c", "start_script": "/c",
                                 "vnc": {"x11vnc": "/s", "tigervnc": "/v"}}})"}));
    const auto& box = config.containers.at(0);
    ASSERT_EQ(box.display_targets.size(), 1U);
    EXPECT_EQ(box.display_targets[0].display, ":0");
    EXPECT_EQ(box.display_servers.at("x11"), "/s");
    EXPECT_EQ(box.display_viewers.at("vnc"), "/v");
    EXPECT_THAT(unknown_keys_, IsEmpty());
}

TEST_F(ReadConfig, ListsItsKeysForPeople) {
    const auto find = [keys = config_keys()](std::string_view name) {
        const auto found = std::find_if(keys.begin(), keys.end(),
                                        [&](const ConfigKey& key) { return key.name == name; });
        return found == keys.end() ? ConfigKey{} : *found;
    };
    EXPECT_EQ(find("test_script").otherwise, "");
    EXPECT_EQ(find("vsock_siblings").otherwise, "false");
    EXPECT_EQ(find("vms.NAME.start_script").type, "command");
    EXPECT_EQ(find("containers.NAME.display_targets[].display").otherwise, "\":0\"");
    EXPECT_NE(find("containers.NAME.vnc.x11vnc").help, "");
}

TEST_F(ReadConfig, KnowsNoScreensOfVirtualMachines) {
    read(json({.vms = R"({"a": {"name": "a", "start_script": "/a", "display_targets": []}})"}));
    EXPECT_THAT(unknown_keys_, ElementsAre("vms.a.display_targets"));
}

TEST_F(ReadConfig, ReturnsUnknownKeysOfDisplays) {
    read(json({.containers = R"({"c": {"name": "c", "start_script": "/c",
                  "display_targets": [{"backend": "x11", "depth": 24}],
                  "display_exporters": {"x11": {"server": "/s", "relay": null, "port": 1}}}})"}));
    EXPECT_THAT(unknown_keys_, ElementsAre("containers.c.display_targets.0.depth",
                                           "containers.c.display_exporters.x11.port"));
}

TEST_F(ReadConfig, TakesVlansAsFloatsAndStrings) {
    EXPECT_THAT(read(json({.vlans = R"([3.0, "4", " 5 "])"})).vlans, ElementsAre(3, 4, 5));
}

TEST_F(ReadConfig, RefusesFractionalVlan) {
    EXPECT_THAT(refusal(json({.vlans = "[1, 2.5]"})),
                HasSubstr("key 'vlans.1' is the number 2.5; it must be a whole number"));
}

TEST_F(ReadConfig, RefusesVlanTooLargeForAnInt) {
    EXPECT_THAT(refusal(json({.vlans = "[18446744073709551615]"})), HasSubstr("key 'vlans.0'"));
}

TEST_F(ReadConfig, RefusesBooleanVlan) {
    EXPECT_THAT(refusal(json({.vlans = "[true]"})), HasSubstr("the boolean true"));
}

TEST_F(ReadConfig, RefusesVlansThatAreNoList) {
    EXPECT_THAT(refusal(json({.vlans = "1"})),
                HasSubstr("key 'vlans' is the number 1; it must be a list of whole numbers"));
}

TEST_F(ReadConfig, TakesFractionalTimeout) {
    EXPECT_EQ(read(json({.global_timeout = "1.5"})).global_timeout, 1.5);
}

TEST_F(ReadConfig, TakesTimeoutAsNumericString) {
    EXPECT_EQ(read(json({.global_timeout = R"("90")"})).global_timeout, 90.0);
}

TEST_F(ReadConfig, TakesTimeoutAsDuration) {
    EXPECT_EQ(read(json({.global_timeout = R"("PT1H30M")"})).global_timeout, 5400.0);
}

TEST_F(ReadConfig, TakesTimeoutAsClocksShowIt) {
    EXPECT_EQ(read(json({.global_timeout = R"("1 01:30:00")"})).global_timeout, 86400 + 5400);
}

TEST_F(ReadConfig, TakesNullForNoTimeout) {
    EXPECT_EQ(read(json({.global_timeout = "null"})).global_timeout, std::nullopt);
}

TEST_F(ReadConfig, RefusesTimeoutOfZero) {
    EXPECT_THAT(refusal(json({.global_timeout = "0"})),
                HasSubstr("key 'global_timeout' is the number 0; it must be a number of seconds "
                          "above 0"));
}

TEST_F(ReadConfig, RefusesNegativeTimeout) {
    EXPECT_THAT(refusal(json({.global_timeout = "-1"})), HasSubstr("the number -1"));
}

TEST_F(ReadConfig, RefusesTimeoutInWords) {
    EXPECT_THAT(refusal(json({.global_timeout = R"("soon")"})), HasSubstr(R"(string "soon")"));
}

TEST_F(ReadConfig, RefusesNumberThatNoDoubleHolds) {
    EXPECT_THAT(refusal(json({.global_timeout = "1e999"})),
                AllOf(HasSubstr("test.json"), HasSubstr("number"), Not(HasSubstr("exception"))));
}

TEST_F(ReadConfig, TakesBooleansAsNumbersAndWords) {
    EXPECT_TRUE(read(json({.enable_ssh_backdoor = "1"})).enable_ssh_backdoor);
    EXPECT_TRUE(read(json({.enable_ssh_backdoor = R"("True")"})).enable_ssh_backdoor);
    EXPECT_FALSE(read(json({.enable_ssh_backdoor = R"("off")"})).enable_ssh_backdoor);
}

TEST_F(ReadConfig, RefusesOtherNumbersAsBoolean) {
    EXPECT_THAT(refusal(json({.enable_ssh_backdoor = "2"})),
                HasSubstr("key 'enable_ssh_backdoor' is the number 2; it must be true or false"));
}

TEST_F(ReadConfig, NamesMissingKeyAndFile) {
    EXPECT_THAT(refusal(R"({"vms": {}, "containers": {}, "vlans": [], "global_timeout": 1,
                            "enable_ssh_backdoor": false})"),
                AllOf(HasSubstr("test.json"), HasSubstr("key 'test_script' is missing")));
}

TEST_F(ReadConfig, RequiresVms) {
    EXPECT_THAT(refusal("{}"), HasSubstr("key 'vms' is missing"));
}

TEST_F(ReadConfig, RequiresContainers) {
    EXPECT_THAT(refusal(R"({"vms": {}})"), HasSubstr("key 'containers' is missing"));
}

TEST_F(ReadConfig, RequiresVlans) {
    EXPECT_THAT(refusal(R"({"vms": {}, "containers": {}})"), HasSubstr("key 'vlans' is missing"));
}

TEST_F(ReadConfig, RequiresTimeout) {
    EXPECT_THAT(refusal(R"({"vms": {}, "containers": {}, "vlans": []})"),
                HasSubstr("key 'global_timeout' is missing"));
}

TEST_F(ReadConfig, RequiresBackdoorSetting) {
    EXPECT_THAT(refusal(R"({"vms": {}, "containers": {}, "vlans": [], "global_timeout": null})"),
                HasSubstr("key 'enable_ssh_backdoor' is missing"));
}

TEST_F(ReadConfig, NamesMissingKeyOfMachineDotted) {
    EXPECT_THAT(refusal(json({.vms = R"({"server": {"name": "server"}})"})),
                HasSubstr("key 'vms.server.start_script' is missing"));
}

TEST_F(ReadConfig, NamesWrongTypeOfMachineKeyDotted) {
    EXPECT_THAT(refusal(json({.containers = R"({"c": {"name": 7, "start_script": "/c"}})"})),
                HasSubstr("key 'containers.c.name' is the number 7; it must be a string"));
}

TEST_F(ReadConfig, RefusesMachineThatIsNoObject) {
    EXPECT_THAT(refusal(json({.vms = R"({"server": "/run-server-vm"})"})),
                HasSubstr("key 'vms.server' is the string \"/run-server-vm\"; it must be an object "
                          "with the keys 'name' and 'start_script'"));
}

TEST_F(ReadConfig, RefusesListOfMachines) {
    EXPECT_THAT(refusal(json({.vms = "[]"})), HasSubstr("key 'vms' is a list; it must be an obj"));
}

TEST_F(ReadConfig, RefusesEmptyTestScript) {
    EXPECT_THAT(refusal(json({.test_script = R"("")"})),
                HasSubstr("key 'test_script' is an empty string"));
}

TEST_F(ReadConfig, RefusesNulInStrings) {
    EXPECT_THAT(refusal(json({.test_script = R"("a\u0000b")"})),
                HasSubstr(R"(key 'test_script' has a NUL character: "a\x00b")"));
    EXPECT_THAT(refusal(json({.vms = R"({"a": {"name": "a", "start_script": "/a\u0000b"}})"})),
                HasSubstr(R"(key 'vms.a.start_script' has a NUL character: "/a\x00b")"));
    EXPECT_THAT(refusal(json({.more = R"(, "display_viewers": {"vnc": "/v\u0000w"})"})),
                HasSubstr(R"(key 'display_viewers.vnc' has a NUL character: "/v\x00w")"));
}

TEST_F(ReadConfig, ShowsNulInKeys) {
    EXPECT_THAT(refusal(json({.vms = R"({"a\u0000b": {"start_script": "/a"}})"})),
                HasSubstr(R"(key 'vms.a\x00b.name' is missing)"));
}

TEST_F(ReadConfig, RefusesNullTestScript) {
    EXPECT_THAT(refusal(json({.test_script = "null"})),
                HasSubstr("key 'test_script' is null; it must be a string"));
}

TEST_F(ReadConfig, RefusesTopThatIsNoObject) {
    EXPECT_THAT(refusal("[1]"), HasSubstr("holds a list; it must hold a JSON object"));
}

TEST_F(ReadConfig, RefusesEmptyFile) {
    EXPECT_THAT(refusal(" \n"), HasSubstr("test.json' is empty; it must hold a JSON object"));
}

TEST_F(ReadConfig, TellsWhereTheFileIsNotJson) {
    EXPECT_THAT(refusal("{\n  \"vms\": {},\n  oops\n}"),
                AllOf(HasSubstr("is not JSON, at line 3, column 3 (byte 18)"),
                      HasSubstr("expected string literal"), Not(HasSubstr("exception"))));
}

TEST_F(ReadConfig, TellsThatJsonEndsTooEarly) {
    EXPECT_THAT(refusal(R"({"vms": )"), HasSubstr("unexpected end of input"));
}

TEST_F(ReadConfig, SurvivesBytesThatAreNoText) {
    EXPECT_THAT(refusal("{\"\xFF\": 1}"), HasSubstr("is not JSON, at line 1, column 3"));
}

TEST_F(ReadConfig, TellsWhyFileCannotBeOpened) {
    EXPECT_EQ(error_of<UsageError>([&] { read_config("/nowhere/test.json", unknown_keys_); }),
              "open configuration file '/nowhere/test.json': No such file or directory");
}

TEST_F(ReadConfig, TellsThatFileIsADirectory) {
    EXPECT_THAT(error_of<UsageError>([&] { read_config(scratch_.path(), unknown_keys_); }),
                EndsWith("Is a directory"));
}

TEST(MachineName, ComesFromVmScript) {
    EXPECT_EQ(machine_name("/nix/store/x/bin/run-web-1-vm"), "web-1");
}

TEST(MachineName, ComesFromContainerScript) {
    EXPECT_EQ(machine_name("/x/bin/run-db-nspawn"), "db");
}

TEST(MachineName, IgnoresWhatStandsBeforeRun) {
    EXPECT_EQ(machine_name("/nix/store/0c5rjabc-run-web-vm"), "web");
}

TEST(MachineName, IsNotTakenFromFolders) {
    EXPECT_EQ(machine_name("/run-old-vm/bin/run-new-vm"), "new");
    EXPECT_EQ(machine_name("/run-old-vm/start"), "machine");
}

TEST(MachineName, ComesFromTheEndOfACommand) {
    EXPECT_EQ(machine_name("MEM=1 exec /x/run-web-vm"), "web");
    EXPECT_EQ(machine_name("/x/run-web-vm -m 512"), "machine");
    EXPECT_EQ(machine_name("exec '/x/run-web-vm'"), "machine");
}

TEST(MachineName, MayContainTheSuffix) {
    EXPECT_EQ(machine_name("run-vm-vm"), "vm");
    EXPECT_EQ(machine_name("run-a-vm-vm"), "a-vm");
}

TEST(MachineName, IsMachineWithoutOne) {
    EXPECT_EQ(machine_name("run--vm"), "machine");
    EXPECT_EQ(machine_name("run-vm"), "machine");
    EXPECT_EQ(machine_name("run-web-vm.sh"), "machine");
    EXPECT_EQ(machine_name(""), "machine");
}

TEST(PythonName, ReplacesWhatNoIdentifierHas) {
    EXPECT_EQ(python_name("web-1.example"), "web_1_example");
}

TEST(PythonName, ReplacesLeadingDigit) {
    EXPECT_EQ(python_name("1st"), "_st");
}

TEST(PythonName, ReplacesACharacterOfSeveralBytesOnce) {
    EXPECT_EQ(python_name("m\xC3\xBCnchen"), "m_nchen");
}

TEST(ParseIsoDuration, AddsUpAllUnits) {
    EXPECT_EQ(parse_iso_duration("P1W2DT3H4M5S"), 604800 + 172800 + 10800 + 240 + 5);
}

TEST(ParseIsoDuration, TakesFractionsWithPointOrComma) {
    EXPECT_EQ(parse_iso_duration("PT1.5H"), 5400);
    EXPECT_EQ(parse_iso_duration("PT0,25S"), 0.25);
}

TEST(ParseIsoDuration, TellsMinutesFromMonths) {
    EXPECT_EQ(parse_iso_duration("PT2M"), 120);
    EXPECT_EQ(parse_iso_duration("P2M"), std::nullopt);
}

TEST(ParseIsoDuration, RefusesDurationWithoutParts) {
    EXPECT_EQ(parse_iso_duration("P"), std::nullopt);
    EXPECT_EQ(parse_iso_duration("PT"), std::nullopt);
    EXPECT_EQ(parse_iso_duration("P1DT"), std::nullopt);
}

TEST(ParseIsoDuration, RefusesWrongOrderAndRepetition) {
    EXPECT_EQ(parse_iso_duration("PT1S2H"), std::nullopt);
    EXPECT_EQ(parse_iso_duration("PT1H2H"), std::nullopt);
}

TEST(ParseIsoDuration, RefusesNegativeParts) {
    EXPECT_EQ(parse_iso_duration("PT-5S"), std::nullopt);
    EXPECT_EQ(parse_iso_duration("-PT5S"), std::nullopt);
}

TEST(ParseIsoDuration, RefusesNumberWithoutUnit) {
    EXPECT_EQ(parse_iso_duration("PT5"), std::nullopt);
    EXPECT_EQ(parse_iso_duration("PT.5.5S"), std::nullopt);
}

TEST(ParseClockDuration, TakesWhatClocksShow) {
    EXPECT_EQ(parse_clock_duration("01:30:00"), 5400);
    EXPECT_EQ(parse_clock_duration("0:01"), 60);
    EXPECT_EQ(parse_clock_duration("00:00:01.5"), 1.5);
    EXPECT_EQ(parse_clock_duration("1 02:00:03"), 86400 + 7200 + 3);
    EXPECT_EQ(parse_clock_duration("2 days, 00:00:00"), 172800);
    EXPECT_EQ(parse_clock_duration("1d 00:00:01"), 86401);
}

TEST(ParseClockDuration, RefusesWhatNoneShows) {
    for (const auto* text : {"", ":", "1:2", "00:60:00", "00:00:60", "1 day", "1 00", "-1:00:00",
                             "1:00:00:00", "01:00:00 ", "1 day,02:00:00x"})
        EXPECT_EQ(parse_clock_duration(text), std::nullopt) << text;
}

TEST(ParseTimeLimit, TakesSecondsAndDurations) {
    EXPECT_EQ(parse_time_limit(" 90 "), 90);
    EXPECT_EQ(parse_time_limit("0.5"), 0.5);
    EXPECT_EQ(parse_time_limit("PT1M"), 60);
    EXPECT_EQ(parse_time_limit("00:01:00"), 60);
    EXPECT_EQ(parse_time_limit("86399999913600"), 999'999'999 * 86400.0);
    EXPECT_EQ(parse_time_limit("P999999999D"), 999'999'999 * 86400.0);
    EXPECT_EQ(parse_time_limit("999999999 00:00:00"), 999'999'999 * 86400.0);
    EXPECT_EQ(parse_time_limit("23999999976:00:00"), 999'999'999 * 86400.0);
}

TEST(ParseTimeLimit, RefusesWhatIsNoLimit) {
    EXPECT_EQ(parse_time_limit("0"), std::nullopt);
    EXPECT_EQ(parse_time_limit("PT0S"), std::nullopt);
    EXPECT_EQ(parse_time_limit("-3"), std::nullopt);
    EXPECT_EQ(parse_time_limit("inf"), std::nullopt);
    EXPECT_EQ(parse_time_limit("1e30"), std::nullopt);
    EXPECT_EQ(parse_time_limit("P1000000000D"), std::nullopt);
    EXPECT_EQ(parse_time_limit("999999999 24:00:00"), std::nullopt);
    EXPECT_EQ(parse_time_limit("99999999999:00:00"), std::nullopt);
    EXPECT_EQ(parse_time_limit("nan"), std::nullopt);
    EXPECT_EQ(parse_time_limit("5 s"), std::nullopt);
    EXPECT_EQ(parse_time_limit(""), std::nullopt);
}

TEST(ParseInt, TakesWholeNumbersOnly) {
    EXPECT_EQ(parse_int(" 12 "), 12);
    EXPECT_EQ(parse_int("+3"), 3);
    EXPECT_EQ(parse_int("-3"), -3);
    EXPECT_EQ(parse_int("+-3"), std::nullopt);
    EXPECT_EQ(parse_int("1.0"), std::nullopt);
    EXPECT_EQ(parse_int("99999999999"), std::nullopt);
    EXPECT_EQ(parse_int(""), std::nullopt);
}

} // namespace
} // namespace ntd::driver
