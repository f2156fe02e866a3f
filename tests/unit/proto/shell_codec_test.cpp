#include <ntd/proto/shell_codec.h>

#include <gtest/gtest.h>

#include <algorithm>

namespace ntd::proto {

namespace {

constexpr auto marker = "ntd-0123456789abcdef";

std::string behind_first_line(const std::string& text) {
    return text.substr(text.find('\n') + 1);
}

TEST(NewMarker, IsAWordThatNeedsNoQuotes) {
    const auto made = new_marker();
    EXPECT_TRUE(std::all_of(made.begin(), made.end(), [](char c) {
        return c == '-' || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    })) << made;
}

TEST(NewMarker, Has128BitsInHexadecimal) {
    EXPECT_EQ(new_marker().size(), 4 + 32U);
}

TEST(NewMarker, IsAnotherEachTime) {
    EXPECT_NE(new_marker(), new_marker());
}

TEST(ShellRun, QuotesTheCommandForWorkerAndControlShell) {
    EXPECT_EQ(shell_run("m", "echo it's").lines,
              "ntd_to m 'ntd_run m '\\''echo it'\\''\\'\\'''\\''s'\\'''\n");
}

TEST(ShellRun, KeepsNewlinesInsideTheQuotes) {
    EXPECT_EQ(shell_run("m", "a\nb").lines, "ntd_to m 'ntd_run m '\\''a\nb'\\'''\n");
}

TEST(ShellRun, KeepsWhatTheShellWouldExpand) {
    EXPECT_EQ(shell_run("m", "$x `y` \\").lines, "ntd_to m 'ntd_run m '\\''$x `y` \\'\\'''\n");
}

TEST(ShellRun, KeepsBytesThatAreNoUtf8) {
    EXPECT_EQ(shell_run("m", "\xFF\x80").lines, "ntd_to m 'ntd_run m '\\''\xFF\x80'\\'''\n");
}

TEST(ShellRun, PutsTheLongestCommandOfALineOnTheLine) {
    const std::string command(64 * 1024, 'x');
    EXPECT_EQ(shell_run("m", command).lines, "ntd_to m 'ntd_run m '\\''" + command + "'\\'''\n");
}

TEST(ShellRun, LeavesALongCommandAsItIs) {
    const auto command = std::string(64 * 1024, 'x') + "'\n\xFF";
    EXPECT_EQ(shell_run("m", command).bulk, command);
}

TEST(ShellRun, TellsTheExactLengthOfALongCommand) {
    const std::string command(70'001, 'x');
    EXPECT_TRUE(shell_run("m", command).lines.starts_with("ntd_store m 70001 "));
}

// Otherwise `ps` in the command would print the marker, and that would look like a frame.
TEST(ShellRun, KeepsTheMarkerOutOfTheArgumentsOfALongCommand) {
    const auto line = shell_run(marker, std::string(70'000, 'x')).lines;
    const auto arguments = line.substr(line.find("ntd_to"));
    EXPECT_EQ(arguments.find(marker, arguments.find("cat")), std::string::npos) << line;
}

TEST(ShellRunWithInput, LeavesTheInputAsItIs) {
    EXPECT_EQ(shell_run_with_input(marker, "cat", "a\n\xFF'").bulk, "a\n\xFF'");
}

TEST(ShellRunWithInput, TellsTheExactLengthOfTheInput) {
    EXPECT_TRUE(shell_run_with_input("m", "cat", "four").lines.starts_with("ntd_store m 4 "));
}

TEST(ShellRunWithInput, KeepsTheMarkerOutOfTheArgumentsOfTheCommand) {
    const auto line = shell_run_with_input(marker, "cat", "input").lines;
    const auto arguments = line.substr(line.find("ntd_to"));
    EXPECT_EQ(arguments.find(marker, arguments.find("exec")), std::string::npos) << line;
}

TEST(ShellStore, QuotesTheNameOfTheFile) {
    EXPECT_TRUE(
        shell_store("m", "it's", "four").lines.starts_with("if ntd_store m 4 'it'\\''s'; "));
}

TEST(ShellStore, PutsTheMarkerBehindTheBytes) {
    EXPECT_EQ(shell_store("m", "file", "four").behind, "m\n");
}

TEST(ShellDetach, QuotesTheCommandTwice) {
    EXPECT_NE(shell_detach("echo it's").find(R"(it'\''\'\'''\''s)"), std::string::npos)
        << shell_detach("echo it's");
}

TEST(ShellDetach, IsOneLine) {
    EXPECT_EQ(behind_first_line(shell_detach("true")), "");
}

TEST(ShellSetup, EndsWithTheAnswerThatIsWaitedFor) {
    EXPECT_TRUE(shell_setup("m").ends_with("printf '%s %s\\n' m $ntd_port\n"));
}

TEST(ShellSetup, LooksForNoPortWhereThereIsNone) {
    EXPECT_EQ(shell_setup("m", ShellPort::none).find(port_name), std::string::npos);
    EXPECT_NE(shell_setup("m").find(port_name), std::string::npos);
}

// Every byte of it has to pass the guest's slow serial port.
TEST(ShellSetup, IsShort) {
    EXPECT_LT(shell_setup(new_marker()).size(), 5000U);
}

TEST(ShellStop, PassesTheMarker) {
    EXPECT_NE(shell_stop("m").find("ntd_stop m;"), std::string::npos);
}

TEST(ShellRestart, PassesTheMarker) {
    EXPECT_NE(shell_restart("m").find("ntd_restart m;"), std::string::npos);
}

TEST(ShellPing, PassesTheMarker) {
    EXPECT_NE(shell_ping("m").find("ntd_ping m;"), std::string::npos);
}

TEST(ShellProbe, PassesTheMarker) {
    EXPECT_NE(shell_probe("m").find("ntd_probe m;"), std::string::npos);
}

} // namespace

} // namespace ntd::proto
