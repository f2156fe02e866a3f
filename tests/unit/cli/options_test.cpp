#include "options.h"

#include <ntd/base/error.h>

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../driver/scratch_dir.h"

#include <algorithm>
#include <map>

namespace ntd::cli {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

using Words = std::vector<std::string>;
using Variables = std::map<std::string, std::string>;

std::variant<Options, ExitNow> run(const Words& words, const Variables& variables = {}) {
    return parse_options(words, [&](const char* name) {
        const auto found = variables.find(name);
        return found == variables.end() ? nullptr : found->second.c_str();
    });
}

// If parsing gives the other kind of result, these functions throw it, which ends the test.
Options accepted(const Words& words, const Variables& variables = {}) {
    auto result = run(words, variables);
    if (const auto* refused = std::get_if<ExitNow>(&result))
        throw UsageError("refused: {}", refused->err);
    return std::get<Options>(std::move(result));
}

ExitNow ended(const Words& words, const Variables& variables = {}) {
    return std::get<ExitNow>(run(words, variables));
}

std::string refusal(const Words& words, const Variables& variables = {}) {
    const ExitNow result = ended(words, variables);
    EXPECT_EQ(result.status, 2);
    EXPECT_EQ(result.out, "");
    return result.err;
}

Words names_of(const std::vector<driver::MachineConfig>& machines) {
    Words names;
    std::transform(machines.begin(), machines.end(), std::back_inserter(names),
                   [](const auto& machine) { return machine.name; });
    return names;
}

class ParseOptions : public ::testing::Test {
protected:
    std::string config_file(const std::string& more = "") const {
        return scratch_.file("test.json",
                             R"({"vms": {"web": {"name": "web", "start_script": ")" + web_ +
                                 R"("}}, "containers": {}, "vlans": [1, 1], "global_timeout": 60,
                               "enable_ssh_backdoor": false, "test_script": ")" +
                                 script_ + "\"" + more + "}");
    }

    ScratchDir scratch_;
    std::string script_ = scratch_.file("script.py");
    std::string web_ = scratch_.program("run-web-vm");
    std::string mail_ = scratch_.program("run-mail-vm");
    std::string box_ = scratch_.program("run-box-nspawn");
};

// ------------------------------------------------------------------------- what to run, options

TEST_F(ParseOptions, NeedsNoMoreThanAScript) {
    const Options options = accepted({script_});
    EXPECT_EQ(options.config.test_script, script_);
    EXPECT_THAT(options.config.vms, IsEmpty());
    EXPECT_EQ(options.log_level, log::Level::info);
    EXPECT_FALSE(options.interactive);
    EXPECT_FALSE(options.keep_machine_state);
    EXPECT_EQ(options.output_directory, std::filesystem::current_path());
    EXPECT_EQ(options.config.global_timeout, std::nullopt);
    EXPECT_EQ(options.config.habits.boot_limit, std::nullopt);
    EXPECT_FALSE(options.config.habits.warns);
    EXPECT_EQ(options.junit_xml, std::nullopt);
    EXPECT_EQ(options.logfile, std::nullopt);
    EXPECT_EQ(options.debug_hook_attach, std::nullopt);
    EXPECT_THAT(options.notes, IsEmpty());
}

TEST_F(ParseOptions, RunsTheTestAsOftenAsAsked) {
    EXPECT_FALSE(accepted({script_}).is_repeated());
    EXPECT_EQ(accepted({script_, "--repeat", "20"}).repeat, 20);
    EXPECT_TRUE(accepted({script_, "--until-fail"}).is_repeated());
}

TEST_F(ParseOptions, TakesSeveralPatternsOfSubtests) {
    EXPECT_THAT(accepted({"--subtest", "a*", "--subtest", "b", script_}).subtests,
                ElementsAre("a*", "b"));
    EXPECT_THAT(accepted({script_}).subtests, ElementsAre());
}

TEST_F(ParseOptions, RefusesToRepeatWhatCannotBeRepeated) {
    EXPECT_THAT(refusal({script_, "--repeat", "0"}), HasSubstr("whole number above 0"));
    EXPECT_THAT(refusal({script_, "--repeat", "many"}), HasSubstr("--repeat 'many'"));
    EXPECT_THAT(refusal({"/dev/null", "--until-fail"}), HasSubstr("cannot be read again"));
    EXPECT_THAT(refusal({script_, "--repeat", "2", "-I"}), HasSubstr("with '--interactive'"));
    EXPECT_THAT(refusal({script_, "--until-fail", "--watch"}), HasSubstr("with '--watch'"));
}

TEST_F(ParseOptions, NeedsAScriptToWatch) {
    EXPECT_THAT(refusal({"-I", "--watch"}), HasSubstr("which --watch needs"));
}

TEST_F(ParseOptions, TakesNamesFromStartScripts) {
    const Options options = accepted({script_, "--start-scripts", web_, mail_});
    EXPECT_THAT(names_of(options.config.vms), ElementsAre("web", "mail"));
    EXPECT_EQ(options.config.vms[1].start_script, mail_);
    EXPECT_EQ(options.config.vms[1].host_name, "mail");
}

TEST_F(ParseOptions, TakesTheScriptFromAnOption) {
    EXPECT_EQ(accepted({"--test-script", script_}).config.test_script, script_);
    const auto other = scratch_.file("other.py");
    EXPECT_EQ(accepted({"-c", config_file(), "--test-script", other}).config.test_script, other);
    EXPECT_EQ(accepted({"--test-script=" + other}, {{"testScript", script_}}).config.test_script,
              other);
}

TEST_F(ParseOptions, RefusesAScriptThatCannotBeRead) {
    EXPECT_THAT(refusal({"-c", config_file(), "--test-script", "/nowhere"}),
                HasSubstr("test script '/nowhere' cannot be read: No such file"));
    EXPECT_THAT(refusal({"-c", config_file(), "--test-script"}),
                HasSubstr("'--test-script' needs a value"));
}

TEST_F(ParseOptions, EndsAListAtTheNextOption) {
    const Options options = accepted({"--start-scripts", web_, "-K", script_});
    EXPECT_THAT(names_of(options.config.vms), ElementsAre("web"));
    EXPECT_EQ(options.config.test_script, script_);
}

TEST_F(ParseOptions, EndsAListAtTwoDashes) {
    const Options options = accepted({"--vlans", "1", "2", "--", script_});
    EXPECT_THAT(options.config.vlans, ElementsAre(1, 2));
    EXPECT_EQ(options.config.test_script, script_);
}

TEST_F(ParseOptions, TakesOneItemAfterAnEqualsSign) {
    const Options options = accepted({"--vlans=1", script_, "--vlans=2"});
    EXPECT_THAT(options.config.vlans, ElementsAre(1, 2));
    EXPECT_EQ(options.config.test_script, script_);
}

TEST_F(ParseOptions, TakesWordsThatCli11ReadsInAnotherWay) {
    EXPECT_THAT(refusal({"++"}), HasSubstr("test script '++'"));
    EXPECT_THAT(refusal({"-"}), HasSubstr("test script '-'"));
    EXPECT_THAT(refusal({"--vlans=1", "--", "--", "-c"}), HasSubstr("are 2: '--', '-c'"));
    EXPECT_THAT(refusal({"-o[a,b]", script_}), HasSubstr("/[a,b]' cannot be written to"));
    EXPECT_THAT(refusal({""}, {{"testScript", script_}}), HasSubstr("nothing to run"));
}

TEST_F(ParseOptions, TakesItsWordsForNoLetters) {
    EXPECT_THAT(refusal({"-E", script_}), HasSubstr("unknown option '-E'"));
}

TEST_F(ParseOptions, TakesNoOptionAfterTwoDashes) {
    EXPECT_THAT(refusal({"--", "--interactive"}), HasSubstr("test script '--interactive'"));
}

TEST_F(ParseOptions, GivesNamesToStartScripts) {
    const Options options =
        accepted({script_, "--vm-names", "a", "b", "--vm-start-scripts", web_, mail_});
    EXPECT_THAT(names_of(options.config.vms), ElementsAre("a", "b"));
    EXPECT_EQ(options.config.vms[0].start_script, web_);
}

TEST_F(ParseOptions, TakesContainers) {
    const Options options = accepted({script_, "--container-start-scripts", box_});
    EXPECT_THAT(names_of(options.config.containers), ElementsAre("box"));
}

TEST_F(ParseOptions, RecordsNetworks) {
    EXPECT_FALSE(accepted({script_}).pcap);
    EXPECT_TRUE(accepted({script_, "--pcap"}).pcap);
    EXPECT_TRUE(accepted({script_, "--keep-pcap"}).keep_pcap);
}

TEST_F(ParseOptions, GivesNamesToContainers) {
    const Options options =
        accepted({script_, "--container-names", "c", "--container-start-scripts", box_});
    EXPECT_THAT(names_of(options.config.containers), ElementsAre("c"));
}

TEST_F(ParseOptions, RefusesNamesThatDoNotMatchScripts) {
    EXPECT_THAT(refusal({script_, "--vm-names", "a", "b", "--vm-start-scripts", web_}),
                HasSubstr("2 machine name(s) (--vm-names or $vmNames) do not match 1 start "
                          "script(s)"));
}

TEST_F(ParseOptions, TakesEmptyLists) {
    const Options options =
        accepted({"--vm-names", "--vm-start-scripts", "--vlans", "", "--", script_});
    EXPECT_THAT(options.config.vms, IsEmpty());
    EXPECT_THAT(options.config.vlans, IsEmpty());
}

TEST_F(ParseOptions, TakesListItemsLiterally) {
    const Options options =
        accepted({script_, "--vm-names", "[a,b]", "{}", "--vm-start-scripts", web_, mail_});
    EXPECT_THAT(names_of(options.config.vms), ElementsAre("[a,b]", "{}"));
}

TEST_F(ParseOptions, RemovesRepeatedVlans) {
    EXPECT_THAT(accepted({script_, "--vlans", "2", "1", "2"}).config.vlans, ElementsAre(2, 1));
}

TEST_F(ParseOptions, TellsHowToEndAListBeforeTheScript) {
    EXPECT_THAT(refusal({"--vlans", "1", script_}),
                AllOf(HasSubstr("is not a whole number"), HasSubstr("'--'")));
}

TEST_F(ParseOptions, TakesGlobalTimeout) {
    EXPECT_EQ(accepted({script_, "--global-timeout", "90"}).config.global_timeout, 90.0);
    EXPECT_EQ(accepted({script_, "--global-timeout=PT2M"}).config.global_timeout, 120.0);
}

TEST_F(ParseOptions, RefusesBadGlobalTimeout) {
    EXPECT_THAT(refusal({script_, "--global-timeout", "-5"}), HasSubstr("global timeout '-5'"));
}

TEST_F(ParseOptions, TakesVsockOffset) {
    EXPECT_EQ(accepted({script_, "--dump-vsocks", "7"}).config.vsock_offset, 7);
}

TEST_F(ParseOptions, TakesVsockSiblings) {
    EXPECT_FALSE(accepted({script_}).config.vsock_siblings);
    EXPECT_TRUE(accepted({"--vsock-siblings", script_}).config.vsock_siblings);
}

TEST_F(ParseOptions, RefusesVsockOffsetThatIsNoNumber) {
    EXPECT_THAT(refusal({script_, "--dump-vsocks", "x"}), HasSubstr("--dump-vsocks 'x'"));
}

TEST_F(ParseOptions, RefusesTwoScripts) {
    EXPECT_THAT(refusal({"a.py", "b.py"}),
                HasSubstr("only one test script can be given, but there are 2: 'a.py', 'b.py'"));
    EXPECT_THAT(refusal({script_, "--test-script", script_}), HasSubstr("only one test script"));
}

TEST_F(ParseOptions, NeedsAScript) {
    EXPECT_THAT(refusal({}), HasSubstr("nothing to run: give --config FILE, or a test script"));
}

TEST_F(ParseOptions, NeedsNoScriptAtThePrompt) {
    EXPECT_EQ(accepted({"-I"}).config.test_script, "");
}

TEST_F(ParseOptions, ChecksWhatItReturns) {
    EXPECT_THAT(refusal({script_, "--start-scripts", "/nowhere/run-a-vm"}),
                AllOf(HasSubstr("machine 'a': start script"), Not(HasSubstr("usage:"))));
}

// ------------------------------------------------------------------------------ the environment

TEST_F(ParseOptions, TakesEverythingFromVariables) {
    const Options options = accepted({}, {{"startScripts", " " + web_ + "\n" + mail_},
                                          {"containerNames", "c"},
                                          {"containerStartScripts", box_},
                                          {"vlans", "1  2"},
                                          {"globalTimeout", "30"},
                                          {"testScript", script_},
                                          {"logLevel", "warning"},
                                          {"LOGFILE", "/dev/null"}});
    EXPECT_THAT(names_of(options.config.vms), ElementsAre("web", "mail"));
    EXPECT_THAT(names_of(options.config.containers), ElementsAre("c"));
    EXPECT_THAT(options.config.vlans, ElementsAre(1, 2));
    EXPECT_EQ(options.config.global_timeout, 30.0);
    EXPECT_EQ(options.config.test_script, script_);
    EXPECT_EQ(options.log_level, log::Level::warning);
    EXPECT_EQ(options.logfile, "/dev/null");
}

TEST_F(ParseOptions, TakesNamedMachinesFromVariables) {
    const Options options =
        accepted({script_}, {{"vmNames", "a b"}, {"vmStartScripts", web_ + " " + mail_}});
    EXPECT_THAT(names_of(options.config.vms), ElementsAre("a", "b"));
}

TEST_F(ParseOptions, PrefersOptionsToVariables) {
    const Options options =
        accepted({script_, "--vlans", "7", "--global-timeout", "5"},
                 {{"vlans", "1"}, {"globalTimeout", "30"}, {"testScript", "x"}});
    EXPECT_THAT(options.config.vlans, ElementsAre(7));
    EXPECT_EQ(options.config.global_timeout, 5.0);
    EXPECT_EQ(options.config.test_script, script_);
}

TEST_F(ParseOptions, PrefersEitherNameOfAnOptionToVariables) {
    const Options options =
        accepted({script_, "--start-scripts", web_}, {{"vmStartScripts", mail_}});
    EXPECT_THAT(names_of(options.config.vms), ElementsAre("web"));
}

TEST_F(ParseOptions, PrefersAnEmptyListToVariables) {
    EXPECT_THAT(accepted({"--vlans", "--", script_}, {{"vlans", "1"}}).config.vlans, IsEmpty());
}

TEST_F(ParseOptions, TakesEmptyVariablesForUnset) {
    const Options options = accepted(
        {script_}, {{"startScripts", ""}, {"vlans", ""}, {"globalTimeout", ""}, {"LOGFILE", ""}});
    EXPECT_THAT(options.config.vms, IsEmpty());
    EXPECT_EQ(options.config.global_timeout, std::nullopt);
    EXPECT_EQ(options.logfile, std::nullopt);
}

// ----------------------------------------------------------------------- what to run, as a file

TEST_F(ParseOptions, ReadsConfigFile) {
    const Options options = accepted({"-c", config_file(R"(, "extra": 1)")});
    EXPECT_THAT(names_of(options.config.vms), ElementsAre("web"));
    EXPECT_THAT(options.config.vlans, ElementsAre(1));
    EXPECT_EQ(options.config.test_script, script_);
    EXPECT_THAT(options.unknown_config_keys, ElementsAre("extra"));
}

TEST_F(ParseOptions, IgnoresVariablesBesideConfig) {
    const Options options =
        accepted({"--config=" + config_file()},
                 {{"startScripts", mail_}, {"vlans", "x"}, {"testScript", "/nowhere"}});
    EXPECT_THAT(names_of(options.config.vms), ElementsAre("web"));
}

TEST_F(ParseOptions, RefusesMachinesBesideConfig) {
    EXPECT_THAT(refusal({"--config", config_file(), "--start-scripts", web_}),
                HasSubstr("option '--start-scripts' cannot be given with --config"));
}

TEST_F(ParseOptions, RefusesScriptBesideConfig) {
    EXPECT_THAT(refusal({"--config", config_file(), script_}),
                HasSubstr("cannot be given with --config"));
}

TEST_F(ParseOptions, TellsWhatIsWrongWithConfig) {
    EXPECT_THAT(refusal({"--config", "/nowhere/x.json"}),
                AllOf(StartsWith("nixos-test-driver: error: open configuration file "
                                 "'/nowhere/x.json': No such file"),
                      Not(HasSubstr("usage:"))));
}

// --------------------------------------------------------------------------------- how to run it

TEST_F(ParseOptions, TakesTheLastOfTwoFlags) {
    EXPECT_TRUE(accepted({"--interactive"}).interactive);
    EXPECT_FALSE(accepted({"-I", "--no-interactive", script_}).interactive);
    EXPECT_TRUE(accepted({"--no-interactive", "-I", script_}).interactive);
}

TEST_F(ParseOptions, KeepsMachineState) {
    const Options options = accepted({"-K", script_});
    EXPECT_TRUE(options.keep_machine_state);
    EXPECT_THAT(options.notes, IsEmpty());
}

TEST_F(ParseOptions, TellsThatKeepVmStateIsOld) {
    const Options options = accepted({"--keep-vm-state", script_});
    EXPECT_TRUE(options.keep_machine_state);
    EXPECT_THAT(options.notes,
                ElementsAre("option --keep-vm-state is deprecated, use --keep-machine-state "
                            "instead"));
}

TEST_F(ParseOptions, TakesLogLevelInAnyCase) {
    EXPECT_EQ(accepted({"--log-level", "debug", script_}).log_level, log::Level::debug);
    EXPECT_EQ(accepted({"--log-level=ERROR", script_}).log_level, log::Level::error);
    EXPECT_EQ(accepted({"--log-level=info", script_}, {{"logLevel", "error"}}).log_level,
              log::Level::info);
}

TEST_F(ParseOptions, TellsWhereAnUnknownLogLevelIsFrom) {
    EXPECT_THAT(refusal({script_, "--log-level", "loud"}),
                HasSubstr("log level 'loud' (from --log-level) is unknown; it must be debug, info, "
                          "warning or error"));
    EXPECT_THAT(refusal({script_}, {{"logLevel", "loud"}}), HasSubstr("the variable logLevel"));
}

TEST_F(ParseOptions, TakesOutputDirectory) {
    const auto folder = scratch_.path().string();
    EXPECT_EQ(accepted({"-o", folder, script_}).output_directory, folder);
    EXPECT_EQ(accepted({"-o" + folder + "/", script_}).output_directory, folder);
    EXPECT_EQ(accepted({"--output_directory=" + folder, script_}).output_directory, folder);
}

TEST_F(ParseOptions, TakesTheLastOutputDirectory) {
    EXPECT_EQ(accepted({"-o", "/nowhere", "-o", scratch_.path(), script_}).output_directory,
              scratch_.path());
}

TEST_F(ParseOptions, TellsWhyOutputDirectoryCannotBeUsed) {
    EXPECT_THAT(refusal({"-o", "/nowhere/out", script_}),
                HasSubstr("output directory '/nowhere/out' cannot be written to: No such file or "
                          "directory"));
    EXPECT_THAT(refusal({"-o", script_, script_}), HasSubstr("Not a directory"));
}

// Runs in a current directory that is not writable.
class ParseOptionsElsewhere : public ParseOptions {
protected:
    void SetUp() override {
        std::filesystem::create_directory(folder_);
        std::filesystem::permissions(folder_, std::filesystem::perms::owner_exec);
        std::filesystem::current_path(folder_);
        if (::geteuid() == 0)
            GTEST_SKIP() << "root can write anywhere";
    }
    void TearDown() override {
        std::filesystem::current_path(before_);
        std::filesystem::permissions(folder_, std::filesystem::perms::owner_all);
    }

    std::filesystem::path before_ = std::filesystem::current_path();
    std::filesystem::path folder_ = scratch_.path() / "locked";
};

TEST_F(ParseOptionsElsewhere, RefusesToRunScript) {
    EXPECT_THAT(refusal({script_}), HasSubstr("cannot be written to: Permission denied"));
}

TEST_F(ParseOptionsElsewhere, WarnsAtThePrompt) {
    EXPECT_THAT(accepted({"-I"}).notes,
                ElementsAre(HasSubstr("cannot be written to: Permission denied")));
}

TEST_F(ParseOptions, PutsRelativeReportIntoOutputDirectory) {
    EXPECT_EQ(accepted({"-o", scratch_.path(), "--junit-xml", "j.xml", script_}).junit_xml,
              scratch_.path() / "j.xml");
}

TEST_F(ParseOptions, LeavesAbsoluteReportAlone) {
    EXPECT_EQ(accepted({"--junit-xml=/x/j.xml", script_}).junit_xml, "/x/j.xml");
}

TEST_F(ParseOptions, TakesDebugHook) {
    EXPECT_EQ(accepted({"--debug-hook-attach", "a b", script_}).debug_hook_attach, "a b");
    EXPECT_EQ(accepted({"--debug-hook=/bin/attach", script_}).debug_hook_attach, "/bin/attach");
}

// ---------------------------------------------------------------------- how arguments are written

TEST_F(ParseOptions, TakesUniquePrefixes) {
    EXPECT_EQ(accepted({"--junit=/x.xml", script_}).junit_xml, "/x.xml");
    EXPECT_TRUE(accepted({"--keep-m", script_}).keep_machine_state);
    EXPECT_FALSE(accepted({"-I", "--no-int", script_}).interactive);
}

TEST_F(ParseOptions, ListsCandidatesOfAmbiguousPrefix) {
    EXPECT_THAT(refusal({"--vm", script_}),
                HasSubstr("option '--vm' is ambiguous: it could be --vm-start-scripts, "
                          "--vm-names"));
}

TEST_F(ParseOptions, SuggestsTheNearestOption) {
    EXPECT_THAT(refusal({"--intractive", script_}),
                AllOf(StartsWith("usage: "),
                      HasSubstr("unknown option '--intractive'; did you mean '--interactive'?")));
    EXPECT_THAT(refusal({"--output-directory=x", script_}),
                HasSubstr("did you mean '--output_directory'?"));
    EXPECT_THAT(refusal({"--confg", script_}), HasSubstr("did you mean '--config'?"));
}

TEST_F(ParseOptions, SuggestsNothingFarFetched) {
    EXPECT_THAT(refusal({"--zzz", script_}), Not(HasSubstr("did you mean")));
}

TEST_F(ParseOptions, RefusesUnknownShortOption) {
    EXPECT_THAT(refusal({"-Ix"}), HasSubstr("unknown option '-x' (in '-Ix')"));
}

TEST_F(ParseOptions, TakesShortFlagsTogether) {
    const Options options = accepted({"-IKo", scratch_.path()});
    EXPECT_TRUE(options.interactive);
    EXPECT_TRUE(options.keep_machine_state);
    EXPECT_EQ(options.output_directory, scratch_.path());
}

TEST_F(ParseOptions, TakesShortOptionWithEqualsSign) {
    EXPECT_EQ(accepted({"-I", "-o=" + scratch_.path().string()}).output_directory, scratch_.path());
}

TEST_F(ParseOptions, DoesNotTakeAnOptionForAValue) {
    EXPECT_THAT(refusal({"-o", "--interactive"}), HasSubstr("option '-o' needs a value"));
    EXPECT_THAT(refusal({"--junit-xml"}), HasSubstr("option '--junit-xml' needs a value"));
}

TEST_F(ParseOptions, TakesAnyValueAfterAnEqualsSign) {
    EXPECT_EQ(accepted({"--debug-hook-attach=--x=[a,b] {}", script_}).debug_hook_attach,
              "--x=[a,b] {}");
}

TEST_F(ParseOptions, TakesValuesLiterally) {
    EXPECT_EQ(accepted({"--debug-hook", "[[aa]]", script_}).debug_hook_attach, "[[aa]]");
    EXPECT_EQ(accepted({"--debug-hook", "\"a b\"", script_}).debug_hook_attach, "\"a b\"");
}

TEST_F(ParseOptions, RefusesEmptyValue) {
    EXPECT_THAT(refusal({"--junit-xml=", script_}),
                HasSubstr("option '--junit-xml' needs a value"));
}

TEST_F(ParseOptions, RefusesValueOfAFlag) {
    EXPECT_THAT(refusal({"--interactive=yes"}),
                HasSubstr("option '--interactive' takes no value, but was given 'yes'"));
}

TEST_F(ParseOptions, ReadsArgumentVector) {
    const char* const argv[] = {"nixos-test-driver", "--version", nullptr};
    EXPECT_THAT(std::get<ExitNow>(parse_options(2, argv)).out, StartsWith("nixos-test-driver "));
}

// --------------------------------------------------------------------------------------- help

TEST_F(ParseOptions, PrintsVersion) {
    const ExitNow result = ended({"--version"});
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.err, "");
}

TEST_F(ParseOptions, ListsMethodsWithoutAnythingToRun) {
    EXPECT_TRUE(accepted({"--list-methods"}).list_methods);
    EXPECT_FALSE(accepted({script_}).list_methods);
}

TEST_F(ParseOptions, TakesTheChannelOfCommands) {
    EXPECT_EQ(accepted({script_}).backdoor, machine::Backdoor::automatic);
    EXPECT_EQ(accepted({script_, "--backdoor", "auto"}).backdoor, machine::Backdoor::automatic);
    EXPECT_EQ(accepted({script_, "--backdoor", "virtconsole"}).backdoor,
              machine::Backdoor::virtconsole);
    EXPECT_EQ(accepted({script_, "--backdoor=vsock"}).backdoor, machine::Backdoor::vsock);
}

TEST_F(ParseOptions, RefusesAnotherChannel) {
    EXPECT_THAT(refusal({script_, "--backdoor", "ssh"}),
                HasSubstr("--backdoor 'ssh': it must be auto, virtconsole or vsock"));
}

TEST_F(ParseOptions, TakesALimitForOutput) {
    EXPECT_EQ(accepted({script_}).max_output, std::nullopt);
    EXPECT_EQ(accepted({script_, "--max-output", "1000"}).max_output, 1000U);
    EXPECT_EQ(accepted({script_, "--max-output=3K"}).max_output, 3072U);
    EXPECT_EQ(accepted({script_, "--max-output=2G"}).max_output, std::size_t{2} << 30);
}

TEST_F(ParseOptions, TakesALimitForOutputFromItsVariable) {
    const std::map<std::string, std::string> variables{{"NTD_MAX_OUTPUT", "7M"}};
    EXPECT_EQ(accepted({script_}, variables).max_output, std::size_t{7} << 20);
    EXPECT_EQ(accepted({script_, "--max-output=1K"}, variables).max_output, 1024U);
}

TEST_F(ParseOptions, RefusesALimitForOutputThatIsNone) {
    for (const char* size :
         {"0", "-1", "1.5G", "2GB", "M", "1 M", "99999999999999999999", "99999999999T"})
        EXPECT_THAT(
            refusal({script_, "--max-output", size}),
            HasSubstr(fmt::format("--max-output '{}': it must be a number of bytes", size)));
    EXPECT_THAT(refusal({script_}, {{"NTD_MAX_OUTPUT", "much"}}),
                HasSubstr("NTD_MAX_OUTPUT 'much': it must be"));
}

TEST_F(ParseOptions, CanBeAProxyOfSsh) {
    EXPECT_EQ(accepted({"--ssh-proxy", "/base/3_host.socket"}).ssh_proxy, "/base/3_host.socket");
}

TEST_F(ParseOptions, PrintsHelpWhateverElseIsWrong) {
    const ExitNow result = ended({"--bogus", "-h"});
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.err, "");
    EXPECT_THAT(result.out,
                AllOf(StartsWith("usage: "), HasSubstr("Exit status"), HasSubstr("XDG_RUNTIME_DIR"),
                      HasSubstr("NO_COLOR"), HasSubstr("LOGFILE"), HasSubstr("NTD_START_TIMEOUT")));
}

TEST_F(ParseOptions, WrapsHelpToTheTerminal) {
    const auto text = ended({"--help"}, {{"COLUMNS", "80"}}).out;
    EXPECT_THAT(text.substr(text.find("Boots")), Not(ContainsRegex("[^\n]{81}")));
    EXPECT_EQ(ended({"--help"}, {{"COLUMNS", "500"}}).out,
              ended({"--help"}, {{"COLUMNS", "100"}}).out);
}

TEST_F(ParseOptions, KeepsHelpNarrow) {
    EXPECT_THAT(ended({"--help"}).out, Not(ContainsRegex("[^\n]{101}")));
}

} // namespace
} // namespace ntd::cli
