#include <ntd/base/text.h>

#include <gtest/gtest.h>

namespace ntd {

namespace {

using Lines = std::vector<std::string>;

Lines all_lines(LineSplitter& splitter) {
    Lines lines;
    while (const auto line = splitter.next())
        lines.emplace_back(*line);
    return lines;
}

TEST(LineSplitter, HasNoLineAtFirst) {
    LineSplitter splitter;
    EXPECT_EQ(splitter.next(), std::nullopt);
}

TEST(LineSplitter, GivesEachLineOfOneRead) {
    LineSplitter splitter;
    splitter.feed("one\ntwo\n");
    EXPECT_EQ(all_lines(splitter), (Lines{"one", "two"}));
}

TEST(LineSplitter, KeepsEmptyLines) {
    LineSplitter splitter;
    splitter.feed("\n\na\n");
    EXPECT_EQ(all_lines(splitter), (Lines{"", "", "a"}));
}

TEST(LineSplitter, WaitsForTheLineEnd) {
    LineSplitter splitter;
    splitter.feed("half");
    EXPECT_EQ(splitter.next(), std::nullopt);
}

TEST(LineSplitter, JoinsALineFromSeveralReads) {
    LineSplitter splitter;
    splitter.feed("one\nha");
    all_lines(splitter);
    splitter.feed("lf\n");
    EXPECT_EQ(all_lines(splitter), Lines{"half"});
}

TEST(LineSplitter, DropsTheCarriageReturnBeforeTheNewline) {
    LineSplitter splitter;
    splitter.feed("one\r\n");
    EXPECT_EQ(all_lines(splitter), Lines{"one"});
}

TEST(LineSplitter, DropsACarriageReturnReadBeforeItsNewline) {
    LineSplitter splitter;
    splitter.feed("one\r");
    all_lines(splitter);
    splitter.feed("\n");
    EXPECT_EQ(all_lines(splitter), Lines{"one"});
}

TEST(LineSplitter, KeepsACarriageReturnInsideTheLine) {
    LineSplitter splitter;
    splitter.feed("10%\r20%\n");
    EXPECT_EQ(all_lines(splitter), Lines{"10%\r20%"});
}

TEST(LineSplitter, KeepsNulBytes) {
    LineSplitter splitter;
    splitter.feed(std::string_view("a\0b\n", 4));
    EXPECT_EQ(all_lines(splitter), Lines{std::string("a\0b", 3)});
}

TEST(LineSplitter, CutsALineThatIsTooLong) {
    LineSplitter splitter(4);
    splitter.feed("abcdefghij\n");
    EXPECT_EQ(all_lines(splitter), (Lines{"abcd", "efgh", "ij"}));
}

TEST(LineSplitter, CutsALineThatDoesNotEnd) {
    LineSplitter splitter(4);
    splitter.feed("abcde");
    EXPECT_EQ(all_lines(splitter), Lines{"abcd"});
}

TEST(LineSplitter, LeavesTheLongestLineWhole) {
    LineSplitter splitter(4);
    splitter.feed("abcd\n");
    EXPECT_EQ(all_lines(splitter), Lines{"abcd"});
}

TEST(LineSplitter, LeavesTheLongestLineWholeWhenItsEndComesLate) {
    LineSplitter splitter(4);
    splitter.feed("abcd");
    all_lines(splitter);
    splitter.feed("\n");
    EXPECT_EQ(all_lines(splitter), (Lines{"abcd"}));
}

TEST(LineSplitter, GivesTheRestAtTheEndOfTheStream) {
    LineSplitter splitter;
    splitter.feed("one\nhalf");
    all_lines(splitter);
    EXPECT_EQ(splitter.take_rest(), "half");
}

TEST(LineSplitter, StartsAfreshAfterTheRest) {
    LineSplitter splitter;
    splitter.feed("half");
    splitter.take_rest();
    splitter.feed("new\n");
    EXPECT_EQ(all_lines(splitter), Lines{"new"});
}

} // namespace

} // namespace ntd
