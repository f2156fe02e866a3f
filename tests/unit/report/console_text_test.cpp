#include "console_text.h"

#include <gtest/gtest.h>

namespace ntd::report {

namespace {

std::string html_of(const ConsoleText& console) {
    std::string all;
    console.show([&](std::string_view part) { all += part; });
    return all;
}

TEST(ConsoleText, ShowsLinesWithTimes) {
    ConsoleText console;
    console.add(1.5, "a < b");
    EXPECT_EQ(html_of(console),
              "<pre class=\"chunk\" data-at=\"1.500\"><b>    1.500</b> a &lt; b\n</pre>\n");
}

TEST(ConsoleText, MarksLinesThatSoundBad) {
    ConsoleText console;
    console.add(1.5, "Kernel panic - not syncing");
    EXPECT_NE(html_of(console).find("<i>Kernel panic - not syncing</i>"), std::string::npos);
}

TEST(ConsoleText, BeginsAChunkAfterSomeLines) {
    ConsoleText console({.lines_of_chunk = 2});
    for (int i = 0; i < 5; ++i)
        console.add(i, "line");
    const auto all = html_of(console);
    EXPECT_NE(all.find("data-at=\"2.000\""), std::string::npos);
    EXPECT_EQ(all.find("data-at=\"3.000\""), std::string::npos);
}

TEST(ConsoleText, KeepsTheFirstAndTheLastLines) {
    ConsoleText console({.lines_of_chunk = 2, .first_chunks = 1, .most = 300});
    for (int i = 0; i < 100; ++i)
        console.add(i, std::to_string(i) + " line");
    const auto all = html_of(console);
    EXPECT_NE(all.find(" 0 line"), std::string::npos);
    EXPECT_NE(all.find(" 99 line"), std::string::npos);
    EXPECT_EQ(all.find(" 50 line"), std::string::npos);
    EXPECT_NE(all.find(std::to_string(console.left_out()) + " lines are left out here"),
              std::string::npos);
    EXPECT_GT(console.left_out(), 80U);
    EXPECT_LT(all.size(), 800U);
}

TEST(ConsoleText, GivesTheLinesBeforeATime) {
    ConsoleText console({.lines_of_chunk = 2, .first_chunks = 1});
    for (int i = 0; i < 10; ++i)
        console.add(i, "line");
    EXPECT_EQ(console.lines_until(5, 2), "<b>    4.000</b> line\n<b>    5.000</b> line\n");
    EXPECT_EQ(console.lines_until(0.5, 2), "<b>    0.000</b> line\n");
    EXPECT_EQ(console.lines_until(-1, 2), "");
}

} // namespace

} // namespace ntd::report
