#include <ntd/machine/commands.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace ntd::machine {

namespace {

using testing::MatchesRegex;

constexpr auto script = Commands::Whose::of_script;

ExecResult result_of(int status, std::string output) {
    return {.status = status, .output = std::move(output)};
}

class CommandsTest : public testing::Test {
protected:
    log::Log log;
    Commands commands{log, "web"};
};

TEST_F(CommandsTest, SaysNothingIfThereWasNone) {
    EXPECT_EQ(described(commands), "");
}

TEST_F(CommandsTest, LeavesOutOurOwnQuestions) {
    commands.watch("systemctl show", Commands::Whose::ours, [] { return result_of(0, ""); });
    EXPECT_EQ(described(commands), "");
}

TEST_F(CommandsTest, KnowsWhatRunsAndWhatCameBefore) {
    commands.watch("true", script, [] { return result_of(0, ""); });
    commands.watch("sleep 9", script, [&] {
        EXPECT_THAT(described(commands),
                    MatchesRegex("`sleep 9` has been running for [0-9.]+ s; before that, `true` "
                                 "ended with exit code 0 after [0-9.]+ s"));
        return result_of(0, "");
    });
    EXPECT_TRUE(commands.running().empty());
}

TEST_F(CommandsTest, KeepsTheLastLinesOfTheOutput) {
    std::string output;
    for (int line = 0; line < 100; ++line)
        output += std::to_string(line) + "\n";
    commands.watch("seq", script, [&] { return result_of(3, output); });
    const auto end = commands.last()->end;
    ASSERT_TRUE(end);
    EXPECT_EQ(end->status, 3);
    EXPECT_TRUE(end->output.starts_with("80\n81\n")) << end->output;
    EXPECT_TRUE(end->output.ends_with("\n99"));
    EXPECT_EQ(end->cut + end->output.size() + 1, output.size());
}

TEST_F(CommandsTest, KeepsTheEndOfALineWithoutAnEnd) {
    commands.watch("yes", script, [] { return result_of(0, std::string(1 << 20, 'y')); });
    EXPECT_LT(commands.last()->end->output.size(), 10'000U);
}

TEST_F(CommandsTest, RemembersACommandThatDidNotEnd) {
    const auto die = []() -> ExecResult { throw std::runtime_error("the machine has died"); };
    EXPECT_THROW(commands.watch("poweroff", script, die), std::runtime_error);
    EXPECT_EQ(described(commands), "its last command `poweroff` did not end");
}

} // namespace

} // namespace ntd::machine
