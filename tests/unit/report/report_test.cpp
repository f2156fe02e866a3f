#include <ntd/report/report.h>

#include "report_files.h"

#include <ntd/base/error.h>

#include <regex>

namespace ntd::report {

namespace {

constexpr const char* run_line = R"({"kind":"run","version":"1","time":"2026-01-02T03:04:05Z",)"
                                 R"("script":"one()\ntwo()\nthree()\n","script_name":"smoke",)"
                                 R"("machines":[{"name":"web","kind":"qemu"}]})"
                                 "\n";

class ReportTest : public ReportFiles {
protected:
    std::string report(const std::string& lines, const Outcome& outcome = {}) {
        write(record, run_line + lines);
        write_report(record, outcome, html);
        return read(html);
    }

    // What is after the style sheet and the script.
    std::string body(const std::string& lines, const Outcome& outcome = {}) {
        const auto all = report(lines, outcome);
        return all.substr(all.find("<body>"));
    }

    std::filesystem::path html = directory / "report.html";
};

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST_F(ReportTest, AllowsNoOtherScriptsAndNoNetwork) {
    const auto all = report("");
    std::smatch nonce;
    ASSERT_TRUE(std::regex_search(all, nonce, std::regex("script-src 'nonce-([^']+)'")));
    EXPECT_TRUE(has(all, "default-src 'none'; img-src data:;"));
    EXPECT_TRUE(has(all, "<script nonce=\"" + nonce.str(1) + "\">"));
    EXPECT_FALSE(has(report(""), nonce.str(1)));
}

TEST_F(ReportTest, EscapesWhatAGuestSends) {
    const std::string evil = R"(</pre></style><script>alert(1)</script>]]>\u0000\u001b[31m\u202e)";
    const auto page = body(R"({"machine":"web","kind":"serial","text":")" + evil + R"("}
{"machine":"web","kind":"command","text":")" +
                               evil + R"(","output":")" + evil + R"("}
{"machine":"web","kind":"message","level":")" +
                               evil + R"(","text":")" + evil + R"("}
{"machine":")" + evil + R"(","kind":"begin","id":1,"text":")" +
                               evil + R"("}
{"machine":"web","kind":"end","id":1,"failure":")" +
                               evil + R"("}
{"machine":"web","kind":"picture","file":")" +
                               evil + R"("}
{"machine":"web","kind":"life","what":")" +
                               evil + R"("}
{"kind":"error","text":")" + evil +
                               R"("}
)",
                           {.reason = "<script>", .failure = "<script>", .command = "<script>"});
    EXPECT_FALSE(has(page, "<script"));
    EXPECT_FALSE(has(page, "</style"));
    EXPECT_FALSE(has(page, "]]>"));
    EXPECT_FALSE(has(page, "\xE2\x80\xAE"));
    EXPECT_EQ(page.find_first_of(std::string("\0\x1b", 2)), std::string::npos);
    EXPECT_TRUE(has(page, "&lt;script&gt;alert(1)&lt;/script&gt;]]&gt;\\x00\\u202e"));
}

TEST_F(ReportTest, SaysWhatFailed) {
    const auto page = body(R"({"at":1,"machine":"web","line":2,"kind":"begin","id":7,)"
                           R"("text":"must succeed: ls"}
{"at":2,"machine":"web","scope":7,"kind":"command","text":"ls","status":2,"output":"no such file"}
{"at":3,"machine":"web","kind":"end","id":7,"took":2,"failure":"ls failed"}
)",
                           {.reason = "web: ls failed.",
                            .failure = "Traceback: two()",
                            .line = 2,
                            .command = "nix build .#smoke"});
    EXPECT_TRUE(has(page, "<h1>web: ls failed.</h1>"));
    EXPECT_TRUE(has(page, "Traceback: two()"));
    EXPECT_TRUE(has(page, "nix build .#smoke"));
    EXPECT_TRUE(has(page, "<div class=\"culprit\">"));
    EXPECT_TRUE(has(page, "must succeed: <code>ls</code></a> <span class=\"took\">failed after"));
    EXPECT_TRUE(has(page, "<pre class=\"text\">no such file</pre>"));
}

TEST_F(ReportTest, MarksTheFailingLineOfTheScript) {
    const auto page = body("", {.line = 2});
    EXPECT_TRUE(has(page, "<li id=\"L2\" class=\"failed\""));
    EXPECT_TRUE(has(page, "<li id=\"L3\"><a"));
}

TEST_F(ReportTest, LinksLinesAndSteps) {
    const auto page = body(R"({"line":3,"kind":"begin","id":7,"text":"x"}
)");
    EXPECT_TRUE(has(page, "<li id=\"L3\"><a class=\"number\" href=\"#s7\">3</a>"));
    EXPECT_TRUE(has(page, "<a class=\"line\" href=\"#L3\">line 3</a>"));
    EXPECT_TRUE(has(page, "id=\"s7\""));
}

TEST_F(ReportTest, OpensWhatFailedAndWhatIsAroundIt) {
    const auto page = body(R"({"kind":"begin","id":1,"text":"good"}
{"scope":1,"kind":"message","text":"x"}
{"kind":"end","id":1}
{"kind":"begin","id":2,"text":"outer"}
{"scope":2,"kind":"begin","id":3,"text":"inner"}
{"kind":"end","id":3,"failure":"bad"}
{"kind":"end","id":2,"failure":"bad"}
)");
    const std::regex open("<details [^>]*id=\"(s[0-9]+)\"[^>]* open>");
    std::string ids;
    for (std::sregex_iterator i(page.begin(), page.end(), open), end; i != end; ++i)
        ids += i->str(1);
    EXPECT_EQ(ids, "s2s3");
}

TEST_F(ReportTest, SaysAFailureOnceWhereItBegan) {
    const auto page = body(R"({"kind":"begin","id":2,"text":"outer"}
{"scope":2,"kind":"begin","id":3,"text":"inner"}
{"kind":"end","id":3,"failure":"bad luck"}
{"kind":"end","id":2,"failure":"bad luck"}
)");
    const auto steps = page.substr(page.find("id=\"steps\""));
    EXPECT_EQ(steps.find("bad luck"), steps.rfind("bad luck"));
}

TEST_F(ReportTest, PutsPicturesIntoThePage) {
    write(directory / "1.png", "\x89PNG\r\n\x1a\n");
    const auto page = body(R"({"machine":"web","kind":"picture","file":"1.png"}
)");
    EXPECT_TRUE(
        has(page, "<img alt=\"screen of web\" src=\"data:image/png;base64,iVBORw0KGgo=\">"));
    EXPECT_TRUE(has(page, "<img alt=\"last screen of web\""));
}

TEST_F(ReportTest, LinksPicturesThatItCannotShow) {
    write(directory / "1.ppm", "P6");
    const auto page = body(R"({"machine":"web","kind":"picture","file":"1.ppm"}
{"machine":"web","kind":"picture","file":"2.png"}
{"machine":"web","kind":"picture","file":"../3.png"}
)");
    EXPECT_TRUE(has(page, "<a href=\"1.ppm\">1.ppm</a></p>"));
    EXPECT_TRUE(has(page, "<a href=\"2.png\">2.png</a> (missing)"));
    EXPECT_FALSE(has(page, "<a href=\"../3.png\""));
}

TEST_F(ReportTest, LinksEvidenceRelatively) {
    const auto page = body("", {.evidence = {{"web", "journal", directory / "web" / "a b.txt"}}});
    EXPECT_TRUE(has(page, "<a href=\"web/a%20b.txt\">journal</a>"));
}

TEST_F(ReportTest, DrawsATimeLine) {
    const auto page = body(R"({"at":0,"machine":"web","kind":"life","what":"started"}
{"at":4,"machine":"web","kind":"life","what":"up"}
{"at":5,"machine":"web","kind":"begin","id":1,"text":"waiting for unit a"}
{"at":8,"machine":"web","kind":"end","id":1,"took":3}
{"at":10,"kind":"message","text":"x"}
)");
    EXPECT_TRUE(has(page, "<rect class=\"boot\" x=\"0.000%\" width=\"40.000%\""));
    EXPECT_TRUE(has(page, "<rect class=\"up\" x=\"40.000%\" width=\"60.000%\""));
    EXPECT_TRUE(has(page, "<rect class=\"bar wait\" x=\"50.000%\" width=\"30.000%\""));
}

TEST_F(ReportTest, NeedsNoEvents) {
    const auto page = body("", {.passed = true});
    EXPECT_TRUE(has(page, "<h1>All steps succeeded</h1>"));
    write(record, "");
    EXPECT_NO_THROW(write_report(record, {}, html));
}

TEST_F(ReportTest, SaysThatTheRecordIsDamaged) {
    EXPECT_TRUE(has(body("{\"kind"), "1 line of the record could not be read."));
    EXPECT_TRUE(has(body("{\"kind\":\"cut\"}\n"), "The record reached its limit"));
}

TEST_F(ReportTest, LeavesNoOtherFile) {
    report("");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory), {}), 2);
}

TEST_F(ReportTest, LeavesTheOldReportIfItFails) {
    write(html, "old");
    EXPECT_THROW(write_report(directory / "none", {}, html), SystemError);
    EXPECT_EQ(read(html), "old");
    write(record, "");
    EXPECT_THROW(write_report(record, {}, directory / "none" / "report.html"), SystemError);
}

} // namespace

} // namespace ntd::report
