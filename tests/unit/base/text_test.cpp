#include <ntd/base/text.h>

#include <ntd/base/error.h>

#include <gtest/gtest.h>

namespace ntd {

namespace {

using Words = std::vector<std::string>;
using namespace std::string_view_literals;

TEST(PythonLiteral, ShowsAnyBytesAsPythonDoes) {
    EXPECT_EQ(python_literal(std::string_view("a'\\\r\n\0\xff", 7)), R"(b'a\'\\\r\n\x00\xff')");
}

TEST(ShellQuote, RefusesNul) {
    EXPECT_THROW(shell_quote(std::string_view("a\0b", 3)), UsageError);
}

TEST(ShellQuote, PutsAWordInQuotes) {
    EXPECT_EQ(shell_quote("word"), "'word'");
}

TEST(ShellQuote, MakesAWordOfNothing) {
    EXPECT_EQ(shell_quote(""), "''");
}

TEST(ShellQuote, KeepsWhatTheShellWouldExpand) {
    EXPECT_EQ(shell_quote("$x `y` \\ \"z\" *"), "'$x `y` \\ \"z\" *'");
}

TEST(ShellQuote, LeavesTheQuotesForASingleQuote) {
    EXPECT_EQ(shell_quote("it's"), R"('it'\''s')");
}

TEST(ShellQuote, KeepsNewlinesAndBytesThatAreNoUtf8) {
    EXPECT_EQ(shell_quote("a\n\xFF"), "'a\n\xFF'");
}

TEST(ShellCommand, QuotesEachWord) {
    const std::vector<std::string> words{"echo", "two words", ""};
    EXPECT_EQ(shell_command(words),
              shell_quote("echo") + " " + shell_quote("two words") + " " + shell_quote(""));
}

TEST(FirstLine, EndsAtTheFirstNewline) {
    EXPECT_EQ(first_line("one\ntwo\n"), "one");
    EXPECT_EQ(first_line("one"), "one");
    EXPECT_EQ(first_line("\n"), "");
}

TEST(SplitBlanks, SplitsAtRunsOfBlanks) {
    EXPECT_EQ(split_blanks("one  two\t\nthree"), (Words{"one", "two", "three"}));
}

TEST(SplitBlanks, IgnoresBlanksAtTheEnds) {
    EXPECT_EQ(split_blanks(" \n one \t"), Words{"one"});
}

TEST(SplitBlanks, FindsNothingInBlanks) {
    EXPECT_EQ(split_blanks(" \t\r\n"), Words{});
}

TEST(SplitBlanks, FindsNothingInNothing) {
    EXPECT_EQ(split_blanks(""), Words{});
}

TEST(Join, PutsTheSeparatorBetween) {
    EXPECT_EQ(join(Words{"a", "b", "c"}, ", "), "a, b, c");
}

TEST(Join, MakesNothingOfNothing) {
    EXPECT_EQ(join(Words{}, ", "), "");
}

TEST(Printable, KeepsTextAndTabs) {
    EXPECT_EQ(printable("a\tb \xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80"),
              "a\tb \xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80");
}

TEST(Printable, RemovesColours) {
    EXPECT_EQ(printable("[\x1b[0;32m  OK  \x1b[0m] Started"), "[  OK  ] Started");
}

TEST(Printable, RemovesTitlesEndedByABell) {
    EXPECT_EQ(printable("a\x1b]0;title\x07z"), "az");
}

TEST(Printable, RemovesTitlesEndedByAnEscape) {
    EXPECT_EQ(printable("a\x1b]0;title\x1b\\z"), "az");
}

TEST(Printable, RemovesAnUnfinishedTitleUpToTheNextEscape) {
    EXPECT_EQ(printable("a\x1b]0;title\x1b[31mz"), "az");
}

TEST(Printable, RemovesTheQuestionsThatSystemdAsksTheTerminal) {
    EXPECT_EQ(printable("a\x1bP+q544E\x1b\\z"), "az");
}

TEST(Printable, RemovesCharacterSetsAndTwoByteSequences) {
    EXPECT_EQ(printable("a\x1b(B\x1b=\x1b"
                        "cz"),
              "az");
}

TEST(Printable, RemovesASequenceThatIsCutOff) {
    EXPECT_EQ(printable("a\x1b[0;3"), "a");
}

TEST(Printable, RemovesAnEscapeAtTheEnd) {
    EXPECT_EQ(printable("a\x1b"), "a");
}

TEST(Printable, KeepsTextAfterABrokenSequence) {
    EXPECT_EQ(printable("\x1b[3\xC3\xA4z"), "\xC3\xA4z");
}

TEST(Printable, RemovesControlCharacters) {
    EXPECT_EQ(printable("a\0\x01\x08\r\x7Fz"sv), "az");
}

TEST(Printable, RemovesControlCharactersOfTheUpperHalf) {
    EXPECT_EQ(printable("a\xC2\x9B\xC2\xA0z"), "a\xC2\xA0z");
}

TEST(Printable, ReplacesInvalidUtf8) {
    EXPECT_EQ(printable("a\xFFz"), "a\xEF\xBF\xBDz");
}

TEST(ValidUtf8, KeepsTheEndsOfEachLength) {
    constexpr auto text = "\x7F \xC2\x80 \xDF\xBF \xE0\xA0\x80 \xEF\xBF\xBF \xF0\x90\x80\x80 "
                          "\xF4\x8F\xBF\xBF"sv;
    EXPECT_EQ(valid_utf8(text), text);
}

TEST(ValidUtf8, KeepsNulAndControlCharacters) {
    EXPECT_EQ(valid_utf8("a\0\x1b"sv), "a\0\x1b"sv);
}

TEST(ValidUtf8, KeepsTheCharactersAroundTheSurrogates) {
    EXPECT_EQ(valid_utf8("\xED\x9F\xBF\xEE\x80\x80"), "\xED\x9F\xBF\xEE\x80\x80");
}

TEST(ValidUtf8, ReplacesEachByteOfASurrogate) {
    EXPECT_EQ(valid_utf8("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(ValidUtf8, ReplacesEachByteOfAnOverlongForm) {
    EXPECT_EQ(valid_utf8("\xC0\xAF"), "\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(ValidUtf8, ReplacesCodePointsThatDoNotExist) {
    EXPECT_EQ(valid_utf8("\xF4\x90\x80\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(ValidUtf8, ReplacesALoneContinuation) {
    EXPECT_EQ(valid_utf8("a\x80z"), "a\xEF\xBF\xBDz");
}

TEST(ValidUtf8, ReplacesACharacterCutOffAtTheEnd) {
    EXPECT_EQ(valid_utf8("a\xC3"), "a\xEF\xBF\xBD");
}

TEST(ValidUtf8, KeepsTheCharacterAfterOneCutOff) {
    EXPECT_EQ(valid_utf8("\xE2\x82z"), "\xEF\xBF\xBD\xEF\xBF\xBDz");
}

TEST(TrimRight, RemovesBlanksAndNewlines) {
    EXPECT_EQ(trim_right(" a b \t\r\n\n"), " a b");
}

TEST(TrimRight, LeavesNothingOfBlanks) {
    EXPECT_EQ(trim_right(" \n"), "");
}

TEST(Tail, KeepsAShortText) {
    EXPECT_EQ(tail("one\ntwo\n", 8), "one\ntwo\n");
}

TEST(Tail, BeginsWithAWholeLine) {
    EXPECT_EQ(tail("one\ntwo\nthree\n", 9), "three\n");
}

TEST(Tail, KeepsALineThatJustFits) {
    EXPECT_EQ(tail("one\ntwo\nsix\n", 8), "two\nsix\n");
}

TEST(Tail, CutsALineThatIsLongerThanAll) {
    EXPECT_EQ(tail("abcdef", 3), "def");
}

TEST(Tail, CutsALastLineThatIsLongerThanAll) {
    EXPECT_EQ(tail("one\nabcdef\n", 4), "def\n");
}

TEST(Visible, KeepsText) {
    EXPECT_EQ(visible("a\tb \xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"),
              "a\tb \xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80");
}

TEST(Visible, ShowsControlCharacters) {
    using namespace std::string_literals;
    EXPECT_EQ(visible("a\0\x1b]52;c;YQ==\a\r\n\x7f"s), "a\\x00\\x1b]52;c;YQ==\\x07\\x0d\\x0a\\x7f");
}

TEST(Visible, ShowsControlCharactersBeyondAscii) {
    EXPECT_EQ(visible("\xC2\x80\xC2\x9B\xC2\x9F\xC2\xA0"), "\\u0080\\u009b\\u009f\xC2\xA0");
}

TEST(Visible, ReplacesWhatIsNoUtf8) {
    EXPECT_EQ(visible("\x9B\xE2\x82"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(Visible, ShowsWhatTurnsTheDirectionOfWritingAndEndsLines) {
    EXPECT_EQ(visible("\xD8\x9C\xE2\x80\x8E\xE2\x80\x8F\xE2\x80\xA8\xE2\x80\xA9"),
              "\\u061c\\u200e\\u200f\\u2028\\u2029");
    EXPECT_EQ(visible("\xE2\x80\xAA\xE2\x80\xAE\xE2\x81\xA6\xE2\x81\xA9\xE2\x81\xAA"),
              "\\u202a\\u202e\\u2066\\u2069\xE2\x81\xAA");
}

TEST(Visible, LeavesColoursOut) {
    EXPECT_EQ(visible("\x1b[1;38:2::1:2:3mred\x1b[m"), "red");
}

TEST(Visible, KeepsNothingButColoursIfAsked) {
    EXPECT_EQ(visible("\x1b[31mred\x1b[m\x1b[K\x1b[?25m\x1b[1", Colours::keep),
              "\x1b[31mred\x1b[m\\x1b[K\\x1b[?25m\\x1b[1");
}

TEST(Visible, ShowsColoursWithoutEnd) {
    EXPECT_EQ(visible("\x1b[" + std::string(50, '1') + "m", Colours::keep),
              "\\x1b[" + std::string(50, '1') + "m");
}

TEST(Utf8Characters, AreThoseOfTheText) {
    const std::vector<std::string_view> expected{"a", "\u20AC", "\xFF", "b"};
    EXPECT_EQ(utf8_characters("a\u20AC\xFF"
                              "b"),
              expected);
}

} // namespace

} // namespace ntd
