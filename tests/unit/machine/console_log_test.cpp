#include <ntd/machine/console_log.h>

#include <gtest/gtest.h>

#include <poll.h>

namespace ntd::machine {

namespace {

class ConsoleLogTest : public testing::Test {
protected:
    static bool is_notified(const os::Broadcast::Listener& listener) {
        pollfd polled{listener.fd(), POLLIN, 0};
        return ::poll(&polled, 1, 0) == 1;
    }

    void add_numbers(int count) {
        for (int i = 1; i <= count; ++i)
            console.add_serial(std::to_string(i));
    }

    ConsoleLog console;
};

TEST_F(ConsoleLogTest, KeepsTheSerialLines) {
    console.add_serial("one");
    console.add_serial("two");
    EXPECT_EQ(console.text(), "one\ntwo\n");
}

TEST_F(ConsoleLogTest, HasStandardErrorInTheText) {
    console.add_serial("one");
    console.add_stderr("qemu: warning");
    EXPECT_EQ(console.text(), "one\nqemu: warning\n");
}

TEST_F(ConsoleLogTest, GivesTheTextFromAPosition) {
    console.add_serial("one");
    const auto size = console.size();
    console.add_serial("two");
    EXPECT_EQ(console.text(size), "two\n");
}

TEST_F(ConsoleLogTest, GivesNothingFromBeyondTheEnd) {
    console.add_serial("one");
    EXPECT_EQ(console.text(100), "");
}

TEST_F(ConsoleLogTest, GivesPartsOfWholeLines) {
    add_numbers(9);
    const auto first = console.part(0, 5);
    EXPECT_EQ(first.text, "1\n2\n");
    EXPECT_TRUE(first.more);
    const auto rest = console.part(4, 100);
    EXPECT_EQ(rest.begin, 4U);
    EXPECT_EQ(rest.text, "3\n4\n5\n6\n7\n8\n9\n");
    EXPECT_FALSE(rest.more);
}

TEST_F(ConsoleLogTest, GivesAPartOfOneLineAtLeast) {
    console.add_serial("long enough");
    console.add_serial("two");
    EXPECT_EQ(console.part(0, 1).text, "long enough\n");
}

TEST_F(ConsoleLogTest, SaysWhatIsGone) {
    ConsoleLog small(std::filesystem::temp_directory_path(), {.memory = 8, .disk = 10});
    for (int i = 100; i < 110; ++i)
        small.add_serial(std::to_string(i));
    EXPECT_EQ(small.size(), 40U);
    EXPECT_EQ(small.all(), "(28 bytes before this are gone)\n107\n108\n109\n");
    EXPECT_EQ(small.part(0).begin, 26U);
}

TEST_F(ConsoleLogTest, ShortensLongLinesInTheTail) {
    console.add_serial(std::string(100'000, 'x'));
    EXPECT_EQ(console.tail().size(), 2003U);
}

TEST_F(ConsoleLogTest, KeepsEscapeSequencesInTheText) {
    console.add_serial("\x1b[32mok\x1b[0m");
    EXPECT_EQ(console.text(), "\x1b[32mok\x1b[0m\n");
}

TEST_F(ConsoleLogTest, ReplacesBytesThatAreNotUtf8) {
    console.add_serial("a\xFFz");
    EXPECT_EQ(console.text(), "a\xEF\xBF\xBDz\n");
}

TEST_F(ConsoleLogTest, KeepsNulBytes) {
    using namespace std::string_literals;
    console.add_serial("a\0z"s);
    EXPECT_EQ(console.text(), "a\0z\n"s);
}

TEST_F(ConsoleLogTest, ShowsBothStreamsInTheTail) {
    console.add_serial("one");
    console.add_stderr("two");
    EXPECT_EQ(console.tail(), "one\ntwo");
}

TEST_F(ConsoleLogTest, ShowsTheLastLinesInTheTail) {
    add_numbers(20);
    EXPECT_EQ(console.tail(3), "18\n19\n20");
}

TEST_F(ConsoleLogTest, ShowsAllLinesWhereThereAreFew) {
    add_numbers(2);
    EXPECT_EQ(console.tail(), "1\n2");
}

TEST_F(ConsoleLogTest, HasNoTailWithoutLines) {
    EXPECT_EQ(console.tail(), "");
}

TEST_F(ConsoleLogTest, KeepsFiftyLinesForTheTail) {
    add_numbers(60);
    EXPECT_EQ(console.tail(100).substr(0, 6), "11\n12\n");
}

TEST_F(ConsoleLogTest, CleansTheTailForPeople) {
    console.add_serial("\x1b[1;31mred\x1b[0m\x07 \xFF");
    EXPECT_EQ(console.tail(), "red \xEF\xBF\xBD");
}

TEST_F(ConsoleLogTest, KnowsNoDeadEndOfALivingGuest) {
    console.add_serial("systemd[1]: Reached target Emergency Mode is far away.");
    EXPECT_EQ(console.dead_end(), std::nullopt);
}

TEST_F(ConsoleLogTest, KnowsAKernelPanic) {
    console.add_serial("[ 1.0] Kernel panic - not syncing: VFS: Unable to mount root fs");
    EXPECT_EQ(console.dead_end(),
              "[ 1.0] Kernel panic - not syncing: VFS: Unable to mount root fs");
}

TEST_F(ConsoleLogTest, KnowsTheEmergencyMode) {
    console.add_serial("You are in emergency mode. After logging in, type \"journalctl -xb\"");
    EXPECT_TRUE(console.dead_end());
}

TEST_F(ConsoleLogTest, KnowsALockedRootAccount) {
    console.add_serial("Cannot open access to console, the root account is locked.");
    EXPECT_TRUE(console.dead_end());
}

TEST_F(ConsoleLogTest, RemembersTheFirstDeadEnd) {
    console.add_serial("Kernel panic - not syncing: first");
    console.add_serial("Kernel panic - not syncing: second");
    EXPECT_EQ(console.dead_end(), "Kernel panic - not syncing: first");
}

TEST_F(ConsoleLogTest, CleansADeadEndForPeople) {
    console.add_serial("\x1b[31mKernel panic - not syncing\x1b[0m: \xFF");
    EXPECT_EQ(console.dead_end(), "Kernel panic - not syncing: \xEF\xBF\xBD");
}

TEST_F(ConsoleLogTest, TakesNoDeadEndFromStandardError) {
    console.add_stderr("Kernel panic - not syncing");
    EXPECT_EQ(console.dead_end(), std::nullopt);
}

TEST_F(ConsoleLogTest, IsOpenAtFirst) {
    EXPECT_FALSE(console.closed());
}

TEST_F(ConsoleLogTest, IsClosedOnceClosed) {
    console.close();
    EXPECT_TRUE(console.closed());
}

TEST_F(ConsoleLogTest, IsOpenAgainAfterANewStart) {
    console.close();
    console.clear();
    EXPECT_FALSE(console.closed());
}

TEST_F(ConsoleLogTest, IsEmptyAfterANewStart) {
    console.add_serial("Kernel panic - not syncing");
    console.clear();
    EXPECT_EQ(console.text() + console.tail() + console.dead_end().value_or(""), "");
}

TEST_F(ConsoleLogTest, KnowsWhenItWasLastWrittenTo) {
    const auto before = console.last_activity();
    console.add_serial("");
    console.tell();
    EXPECT_GT(console.last_activity(), before);
}

TEST_F(ConsoleLogTest, TellsOnceOfLinesThatCameTogether) {
    const os::Broadcast::Listener listener(console.changed());
    console.add_serial("one");
    console.add_serial("two");
    EXPECT_FALSE(is_notified(listener));
    console.tell();
    EXPECT_TRUE(is_notified(listener));
}

TEST_F(ConsoleLogTest, TellsOfStandardErrorAtOnce) {
    const os::Broadcast::Listener listener(console.changed());
    console.add_stderr("one");
    EXPECT_TRUE(is_notified(listener));
}

TEST_F(ConsoleLogTest, TellsOfItsEnd) {
    const os::Broadcast::Listener listener(console.changed());
    console.close();
    EXPECT_TRUE(is_notified(listener));
}

TEST(ConsoleLog, HasAnUnfinishedLineOnce) {
    ConsoleLog log;
    EXPECT_EQ(log.add_unfinished("pass"), "pass");
    EXPECT_EQ(log.add_unfinished("passphrase: "), "phrase: ");
    EXPECT_EQ(log.text(), "passphrase: ");
    log.add_serial("passphrase: secret");
    EXPECT_EQ(log.text(), "passphrase: secret\n");
    log.add_serial("next");
    EXPECT_EQ(log.all(), "passphrase: secret\nnext\n");
}

TEST(ConsoleLog, ShowsAnUnfinishedLineAsTheLast) {
    ConsoleLog log;
    log.add_serial("one");
    log.add_unfinished("login: ");
    EXPECT_EQ(log.tail(), "one\nlogin: ");
    EXPECT_EQ(log.tail(1), "login: ");
}

TEST(ConsoleLog, ForgetsAnUnfinishedLineAtANewStart) {
    ConsoleLog log;
    log.add_unfinished("login: ");
    log.clear();
    log.add_serial("first");
    EXPECT_EQ(log.text(), "first\n");
}

} // namespace

} // namespace ntd::machine
