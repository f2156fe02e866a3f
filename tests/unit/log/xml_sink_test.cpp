#include <ntd/log/xml_sink.h>

#include "events.h"
#include "test_file.h"

#include <ntd/base/error.h>

#include <pugixml.hpp>

#include <fcntl.h>

namespace ntd::log {

namespace {

class XmlSinkTest : public testing::Test {
protected:
    // The document without its frame, which WritesAWholeDocumentOfNothing checks.
    std::string body(const std::vector<Event>& events) const {
        XmlSink sink(file);
        for (const Event& each : events)
            sink.write(each);
        sink.flush();
        const std::string document = contents(file);
        const auto begin = document.find("<logfile>") + 9;
        return document.substr(begin, document.rfind("</logfile>") - begin);
    }

    TestDirectory directory;
    std::filesystem::path file = directory.file("log.xml");
};

TEST_F(XmlSinkTest, WritesAWholeDocumentOfNothing) {
    { const XmlSink sink(file); }
    EXPECT_EQ(contents(file), "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<logfile></logfile>\n");
}

TEST_F(XmlSinkTest, WritesLines) {
    EXPECT_EQ(body({event(Line{Level::info, "start all VLans"})}), "<line>start all VLans</line>");
}

TEST_F(XmlSinkTest, KeepsLinesOfEveryLevel) {
    EXPECT_EQ(body({event(Line{Level::debug, "detail"})}), "<line>detail</line>");
}

TEST_F(XmlSinkTest, NamesTheMachineOfALine) {
    EXPECT_EQ(body({event("web", Line{Level::info, "starting vm"})}),
              "<line machine=\"web\">starting vm</line>");
}

TEST_F(XmlSinkTest, KeepsTheLinesOfALongerText) {
    EXPECT_EQ(body({event(Line{Level::info, "one\n  two"})}), "<line>one\n  two</line>");
}

TEST_F(XmlSinkTest, MarksSerialLines) {
    EXPECT_EQ(body({event("web", Serial{"login:"})}),
              "<line machine=\"web\" type=\"serial\">login:</line>");
}

TEST_F(XmlSinkTest, MarksLinesOfOutput) {
    EXPECT_EQ(body({event("web", Output{"one\ntwo"})}),
              "<line machine=\"web\" type=\"output\">one</line>"
              "<line machine=\"web\" type=\"output\">two</line>");
}

TEST_F(XmlSinkTest, MarksTheTestError) {
    EXPECT_EQ(body({event(TestError{"Traceback:\nno"})}),
              "<line type=\"error\">Traceback:\nno</line>");
}

TEST_F(XmlSinkTest, EscapesMarkup) {
    EXPECT_EQ(body({event("a\"b", Line{Level::info, "<a> & \"b\""})}),
              "<line machine=\"a&quot;b\">&lt;a&gt; &amp; \"b\"</line>");
}

TEST_F(XmlSinkTest, IsReadableWhateverAGuestSays) {
    std::string bytes;
    for (int byte = 0; byte < 256; ++byte)
        bytes += {static_cast<char>(byte), '<', '&'};
    pugi::xml_document document;
    const auto text = body({event(bytes, Serial{bytes}), event("web", nested(1, bytes))});
    const auto result = document.load_string(text.c_str(), pugi::parse_fragment);
    EXPECT_TRUE(result) << result.description();
}

TEST_F(XmlSinkTest, RemovesControlCharacters) {
    EXPECT_EQ(body({event(Line{Level::info, std::string("\x1b[1ma\0\x08\x0C\tz\r\n\x01", 13)})}),
              "<line>a\tz\n</line>");
}

TEST_F(XmlSinkTest, ReplacesInvalidUtf8) {
    EXPECT_EQ(body({event(Line{Level::info, "a\xFFz"})}), "<line>a\xEF\xBF\xBDz</line>");
}

TEST_F(XmlSinkTest, ReplacesCodePointsThatXmlForbids) {
    EXPECT_EQ(body({event(Line{Level::info, "\xEF\xBF\xBE\xEF\xBF\xBF"})}),
              "<line>\xEF\xBF\xBD\xEF\xBF\xBD</line>");
}

TEST_F(XmlSinkTest, NestsScopes) {
    EXPECT_EQ(body({event(subtest(1, "works")), event("web", nested(2, "must succeed: true"), 1),
                    event("web", nested_end(2, "must succeed: true", 0.05), 1),
                    event(subtest_end(1, "works", 1))}),
              "<nest><head>subtest: works</head>"
              "<nest><head machine=\"web\">must succeed: true</head>"
              "<line machine=\"web\">(finished: must succeed: true, in 0.05 seconds)</line></nest>"
              "<line>(finished: subtest: works, in 1.00 seconds)</line></nest>");
}

TEST_F(XmlSinkTest, ClosesAScopeAfterThoseBegunInIt) {
    EXPECT_EQ(body({event(nested(1, "one")), event(nested(2, "two")),
                    event(nested_end(1, "one", 1)), event(nested_end(2, "two", 1))}),
              "<nest><head>one</head><nest><head>two</head>"
              "<line>(finished: one, in 1.00 seconds)</line>"
              "<line>(finished: two, in 1.00 seconds)</line></nest></nest>");
}

TEST_F(XmlSinkTest, ClosesOpenScopesWhenFlushed) {
    EXPECT_EQ(body({event(nested(1, "one")), event(nested(2, "two"))}),
              "<nest><head>one</head><nest><head>two</head></nest></nest>");
}

TEST_F(XmlSinkTest, GoesOnInTheOpenScopesAfterAFlush) {
    XmlSink sink(file);
    sink.write(event(nested(1, "one")));
    sink.flush();
    sink.write(event(Line{Level::info, "inside"}));
    sink.write(event(nested_end(1, "one", 1)));
    sink.flush();
    EXPECT_EQ(contents(file), "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<logfile>"
                              "<nest><head>one</head><line>inside</line>"
                              "<line>(finished: one, in 1.00 seconds)</line></nest></logfile>\n");
}

TEST_F(XmlSinkTest, IsNotChangedByASecondFlush) {
    XmlSink sink(file);
    sink.write(event(nested(1, "one")));
    sink.flush();
    const std::string first = contents(file);
    sink.flush();
    EXPECT_EQ(contents(file), first);
}

TEST_F(XmlSinkTest, WritesALongLogAsItHappens) {
    XmlSink sink(file);
    sink.write(event("web", Serial{std::string(100'000, 'x')}));
    EXPECT_TRUE(contents(file).ends_with("x</line></logfile>\n"));
}

TEST_F(XmlSinkTest, ReplacesTheLogOfAnEarlierRun) {
    std::ofstream(file) << std::string(1000, 'x');
    { const XmlSink sink(file); }
    EXPECT_EQ(contents(file), "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<logfile></logfile>\n");
}

TEST_F(XmlSinkTest, ClosesADocumentInAPipeOnce) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const UniqueFd read_end(ends[0]);
    {
        const UniqueFd write_end(ends[1]);
        XmlSink sink("/proc/self/fd/" + std::to_string(write_end.get()));
        sink.flush();
        sink.flush();
    }
    EXPECT_EQ(contents("/proc/self/fd/" + std::to_string(read_end.get())),
              "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<logfile></logfile>\n");
}

TEST_F(XmlSinkTest, MayBeThrownAway) {
    XmlSink sink("/dev/null");
    sink.write(event(Line{Level::info, "nobody reads this"}));
    EXPECT_NO_FATAL_FAILURE(sink.flush());
}

TEST_F(XmlSinkTest, SaysWhatItCannotOpen) {
    EXPECT_THROW(XmlSink(directory.file("missing/log.xml")), SystemError);
}

} // namespace

} // namespace ntd::log
