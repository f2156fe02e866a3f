#include <ntd/log/junit_sink.h>

#include "events.h"
#include "test_file.h"

#include <ntd/base/error.h>

#include <pugixml.hpp>

namespace ntd::log {

namespace {

class JunitSinkTest : public testing::Test {
protected:
    std::string report(const std::vector<Event>& events) const {
        JunitSink sink(file);
        for (const Event& each : events)
            sink.write(each);
        sink.flush();
        return contents(file);
    }

    TestDirectory directory;
    std::filesystem::path file = directory.file("junit.xml");
};

bool has(const std::string& document, std::string_view part) {
    return document.find(part) != document.npos;
}

TEST_F(JunitSinkTest, WritesOneCaseForARunWithoutSubtests) {
    EXPECT_EQ(report({event("", Line{Level::info, "hello"}, 0, 0),
                      event("", Line{Level::info, "bye"}, 0, 2)}),
              R"(<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
<testsuite name="NixOS integration test" tests="1" failures="0" errors="0" time="2.000" )"
              R"(timestamp="2026-01-02T03:04:05">
<testcase classname="NixOS integration test" name="main" time="2.000">
<system-out>hello
bye
</system-out>
</testcase>
</testsuite>
</testsuites>
)");
}

TEST_F(JunitSinkTest, WritesOneCasePerSubtest) {
    EXPECT_EQ(
        report({event("", subtest(1, "one"), 0, 0), event("web", Line{Level::info, "in one"}, 1, 0),
                event("", subtest_end(1, "one", 1.5), 0, 2), event("", subtest(2, "two"), 0, 3),
                event("", subtest_end(2, "two", 1, "not what was wanted"), 0, 4)}),
        R"(<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
<testsuite name="NixOS integration test" tests="2" failures="1" errors="0" time="4.000" )"
        R"(timestamp="2026-01-02T03:04:05">
<testcase classname="NixOS integration test" name="one" time="1.500">
<system-out>web: in one
</system-out>
</testcase>
<testcase classname="NixOS integration test" name="two" time="1.000">
<failure message="not what was wanted">not what was wanted</failure>
</testcase>
</testsuite>
</testsuites>
)");
}

TEST_F(JunitSinkTest, WritesAWholeDocumentOfNothing) {
    EXPECT_TRUE(report({}).ends_with("</testsuites>\n"));
}

TEST_F(JunitSinkTest, TakesTheTimeOfInnerSubtestsFromTheOuter) {
    EXPECT_TRUE(
        has(report({event(subtest(1, "outer")), event("", subtest(2, "inner"), 1),
                    event("", subtest_end(2, "inner", 2), 1), event(subtest_end(1, "outer", 5))}),
            "name=\"outer\" time=\"3.000\""));
}

TEST_F(JunitSinkTest, PutsInnerScopesInTheirSubtest) {
    EXPECT_TRUE(has(
        report({event(subtest(1, "outer")), event("web", nested(2, "waiting"), 1),
                event("web", Line{Level::info, "hello"}, 2),
                event("web", nested_end(2, "waiting", 1), 1), event(subtest_end(1, "outer", 5))}),
        "<system-out>web: waiting\nweb: hello\n"
        "web: (finished: waiting, in 1.00 seconds)\n</system-out>\n</testcase>"));
}

TEST_F(JunitSinkTest, PutsOutputInItsSubtest) {
    EXPECT_TRUE(has(report({event(subtest(1, "outer")), event("web", Output{"one\ntwo"}, 1),
                            event(subtest_end(1, "outer", 5))}),
                    "web &gt; one\nweb &gt; two\n</system-out>"));
}

TEST_F(JunitSinkTest, PutsErrorLinesInSystemErr) {
    EXPECT_TRUE(has(report({event("web", Line{Level::error, "bad"})}),
                    "<system-err>web: bad\n</system-err>\n</testcase>"));
}

TEST_F(JunitSinkTest, PutsSerialLinesInTheSuite) {
    EXPECT_TRUE(has(report({event(subtest(1, "outer")), event("web", Serial{"login:"}, 1),
                            event(subtest_end(1, "outer", 5))}),
                    "</testcase>\n<system-out>web # login:\n</system-out>\n</testsuite>"));
}

TEST_F(JunitSinkTest, PutsLinesOutsideOfSubtestsInTheSuite) {
    EXPECT_TRUE(has(report({event(subtest(1, "one")), event(subtest_end(1, "one", 5)),
                            event(Line{Level::info, "cleanup"})}),
                    "</testcase>\n<system-out>cleanup\n</system-out>\n</testsuite>"));
}

TEST_F(JunitSinkTest, FailsMainOnATestError) {
    EXPECT_TRUE(has(report({event(TestError{"Traceback:\n  line 1\nError: no\noutput: x"})}),
                    "<failure message=\"Error: no\">Traceback:\n  line 1\nError: no\noutput: x"
                    "</failure>"));
}

TEST_F(JunitSinkTest, AddsMainForATestErrorOutsideOfSubtests) {
    EXPECT_TRUE(has(
        report({event(subtest(1, "one")), event(subtest_end(1, "one", 5)), event(TestError{"no"})}),
        "tests=\"2\" failures=\"1\""));
}

TEST_F(JunitSinkTest, FailsTheSubtestThatATestErrorIsIn) {
    EXPECT_TRUE(has(report({event(subtest(1, "one")), event("", TestError{"no"}, 1),
                            event(subtest_end(1, "one", 5))}),
                    "name=\"one\" time=\"5.000\">\n<failure message=\"no\">no</failure>"));
}

TEST_F(JunitSinkTest, CountsAFailureOnceWhenTheOuterSubtestGoesOn) {
    const auto text =
        report({event(subtest(1, "outer")), event("", subtest(2, "inner"), 1),
                event("", subtest_end(2, "inner", 1, "Error: no"), 1),
                event("", TestError{"Traceback:\n  line 1\nError: no"}, 1),
                event(subtest_end(1, "outer", 5)),
                event(TestError{.text = "1 of 2 subtests failed", .is_summary = true})});
    EXPECT_TRUE(has(text, "tests=\"2\" failures=\"1\""));
    EXPECT_TRUE(has(text, "<failure message=\"Error: no\">Traceback:"));
    EXPECT_TRUE(has(text, "<system-err>1 of 2 subtests failed\n</system-err>\n</testsuite>"));
}

TEST_F(JunitSinkTest, HasSkippedSubtests) {
    const auto text = report({event(subtest(1, "one")), event("", SubtestSkip{"inner"}, 1),
                              event(subtest_end(1, "one", 5)), event(SubtestSkip{"two"})});
    EXPECT_TRUE(has(text, "tests=\"3\" failures=\"0\" errors=\"0\" skipped=\"2\""));
    EXPECT_TRUE(has(text, "name=\"two\" time=\"0.000\">\n<skipped></skipped>\n</testcase>"));
}

TEST_F(JunitSinkTest, CountsAFailureOnceWhenItLeavesItsSubtest) {
    EXPECT_TRUE(has(report({event(subtest(1, "one")), event(subtest_end(1, "one", 5, "no")),
                            event(TestError{"Traceback:\n  line 1\nError: no"})}),
                    "tests=\"1\" failures=\"1\""));
}

TEST_F(JunitSinkTest, ExplainsTheFailureOfASubtestByTheTraceback) {
    EXPECT_TRUE(has(report({event(subtest(1, "one")), event(subtest_end(1, "one", 5, "no")),
                            event(TestError{"Traceback:\n  line 1\nError: no"})}),
                    "<failure message=\"no\">Traceback:\n  line 1\nError: no</failure>"));
}

TEST_F(JunitSinkTest, PrefersTheExceptionToWhatTheSubtestSaidOfIt) {
    const auto document =
        report({event(subtest(1, "one")), event("", TestError{"Test one failed"}, 1),
                event(subtest_end(1, "one", 5, "Error: no")),
                event(TestError{"Frames:\n  x\nError: no"})});
    EXPECT_TRUE(has(document, "tests=\"1\" failures=\"1\""));
    EXPECT_TRUE(has(document, "<failure message=\"Error: no\">Frames:\n  x\nError: no</failure>\n"
                              "<system-err>Test one failed\n</system-err>"));
}

TEST_F(JunitSinkTest, ExplainsAFailureInTheInnermostSubtest) {
    const auto document = report({event(subtest(1, "outer")), event("", subtest(2, "inner"), 1),
                                  event("", subtest_end(2, "inner", 1, "Error: no"), 1),
                                  event(subtest_end(1, "outer", 5, "Error: no")),
                                  event(TestError{"Frames:\n  x\nError: no"})});
    EXPECT_TRUE(has(document, "tests=\"2\" failures=\"2\""));
    EXPECT_TRUE(has(document, "name=\"inner\" time=\"1.000\">\n"
                              "<failure message=\"Error: no\">Frames:"));
}

TEST_F(JunitSinkTest, KeepsTheMessageOfAFailureToItsFirstLine) {
    EXPECT_TRUE(has(report({event(subtest(1, "one")), event(subtest_end(1, "one", 5, "no\nyes"))}),
                    "<failure message=\"no\">no\nyes</failure>"));
}

TEST_F(JunitSinkTest, CallsASubtestThatDidNotEndAnError) {
    EXPECT_TRUE(has(report({event("", subtest(1, "one"), 0, 0), event("", Serial{"x"}, 0, 7)}),
                    "failures=\"0\" errors=\"1\" time=\"7.000\""));
}

TEST_F(JunitSinkTest, CleansBadBytes) {
    EXPECT_TRUE(has(report({event(subtest(1, "<\xFF\x01>"))}), "name=\"&lt;\xEF\xBF\xBD>\""));
}

TEST_F(JunitSinkTest, KeepsAnyNameOfASubtest) {
    const std::string name = "one\n\ttwo  <&> \"quoted\" 'quoted' ]]> \u00e4\U0001f600";
    pugi::xml_document document;
    ASSERT_TRUE(document.load_string(report({event(subtest(1, name))}).c_str()));
    EXPECT_EQ(document.select_node("//testcase/@name").attribute().value(), name);
}

TEST_F(JunitSinkTest, IsReadableWhateverAGuestSays) {
    std::string bytes;
    for (int byte = 0; byte < 256; ++byte)
        bytes += {static_cast<char>(byte), '<', '&'};
    pugi::xml_document document;
    const auto text = report(
        {event(subtest(1, bytes)), event("web", Serial{bytes}, 1), event("", TestError{bytes}, 1)});
    EXPECT_TRUE(document.load_string(text.c_str()));
}

TEST_F(JunitSinkTest, KeepsTheEndOfALongText) {
    EXPECT_TRUE(has(report({event(Line{Level::info, "first"}),
                            event(Line{Level::info, std::string((1 << 20) - 5, 'x')}),
                            event(Line{Level::info, "last"})}),
                    "last\n</system-out>"));
}

TEST_F(JunitSinkTest, SaysHowMuchOfALongTextIsCut) {
    EXPECT_TRUE(has(report({event(Line{Level::info, "first"}),
                            event(Line{Level::info, std::string((1 << 20) - 6, 'x')}),
                            event(Line{Level::info, "last"})}),
                    "<system-out>(6 bytes before this are cut)\nxxx"));
}

TEST_F(JunitSinkTest, WritesItsReportAtTheLatestWhenItEnds) {
    { const JunitSink sink(file); }
    EXPECT_TRUE(contents(file).ends_with("</testsuites>\n"));
}

TEST_F(JunitSinkTest, WritesNothingBeforeItIsFlushed) {
    JunitSink sink(file);
    sink.write(event(Line{Level::info, "hello"}));
    EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(JunitSinkTest, LeavesNoOtherFileBehind) {
    report({});
    const auto entries = std::filesystem::directory_iterator(file.parent_path());
    EXPECT_EQ(std::distance(begin(entries), end(entries)), 1);
}

TEST_F(JunitSinkTest, ReplacesTheReportOfAnEarlierRun) {
    std::ofstream(file) << std::string(10'000, 'x');
    EXPECT_TRUE(report({}).ends_with("</testsuites>\n"));
}

TEST_F(JunitSinkTest, DoesNotReplaceADevice) {
    { const JunitSink sink("/dev/null"); }
    EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST_F(JunitSinkTest, SaysAtOnceWhatItCannotWrite) {
    EXPECT_THROW(JunitSink(directory.file("missing/junit.xml")), SystemError);
}

} // namespace

} // namespace ntd::log
