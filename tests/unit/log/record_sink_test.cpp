#include <ntd/log/record_sink.h>

#include "events.h"

#include <ntd/log/log.h>
#include <ntd/log/terminal_sink.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <sstream>

namespace ntd::log {

namespace {

using Json = nlohmann::ordered_json;
using namespace std::chrono_literals;

const RecordedRun small_run{.version = "1.2",
                            .time = event(TestError{}).time,
                            .script = "web.start()\n",
                            .script_name = "smoke",
                            .machines = {{"web", "qemu"}, {"db", "nspawn"}}};

class RecordSinkTest : public testing::Test {
protected:
    std::string text() const {
        std::string all(1 << 20, '\0');
        const auto size = ::pread(file.get(), all.data(), all.size(), 0);
        all.resize(static_cast<std::size_t>(size));
        return all;
    }

    std::vector<std::string> lines() const {
        std::vector<std::string> all;
        std::istringstream stream(text());
        for (std::string line; std::getline(stream, line);)
            all.push_back(line);
        return all;
    }

    // The record's last line, without its time.
    template <typename What>
    std::string line_of(What what, std::string machine = "", std::uint64_t parent = 0) {
        sink->write(event(std::move(machine), std::move(what), parent));
        sink->flush();
        Json json = Json::parse(lines().back());
        json.erase("at");
        return json.dump();
    }

    UniqueFd file{::memfd_create("record", MFD_CLOEXEC)};
    std::unique_ptr<RecordSink> sink =
        std::make_unique<RecordSink>(UniqueFd(::dup(file.get())), small_run);
};

TEST_F(RecordSinkTest, BeginsWithTheRun) {
    EXPECT_EQ(lines().at(0),
              R"({"kind":"run","version":"1.2","time":"2026-01-02T03:04:05Z",)"
              R"("script":"web.start()\n","script_name":"smoke",)"
              R"("machines":[{"name":"web","kind":"qemu"},{"name":"db","kind":"nspawn"}]})");
}

TEST_F(RecordSinkTest, WritesMessages) {
    EXPECT_EQ(line_of(Line{Level::warning, "late"}, "web", 7),
              R"({"machine":"web","scope":7,"kind":"message","level":"warning","text":"late"})");
}

TEST_F(RecordSinkTest, WritesConsoleLinesAndOutput) {
    EXPECT_EQ(line_of(Serial{"login:"}, "web"),
              R"({"machine":"web","kind":"serial","text":"login:"})");
    EXPECT_EQ(line_of(Output{"a\nb"}), R"({"kind":"output","text":"a\nb"})");
}

TEST_F(RecordSinkTest, WritesScopes) {
    EXPECT_EQ(line_of(nested(8, "start"), "", 7),
              R"({"scope":7,"kind":"begin","id":8,"text":"start"})");
    EXPECT_EQ(line_of(subtest(9, "login")),
              R"({"kind":"begin","id":9,"subtest":true,"text":"login"})");
    EXPECT_EQ(line_of(nested_end(8, "start", 1.5)), R"({"kind":"end","id":8,"took":1.5})");
}

TEST_F(RecordSinkTest, WritesFailuresEvenIfTheyHaveNoMessage) {
    EXPECT_EQ(line_of(subtest_end(9, "login", 2, "bad")),
              R"({"kind":"end","id":9,"took":2.0,"failure":"bad"})");
    EXPECT_EQ(line_of(subtest_end(9, "login", 0, "")), R"({"kind":"end","id":9,"failure":""})");
    EXPECT_EQ(line_of(TestError{"Traceback"}), R"({"kind":"error","text":"Traceback"})");
    EXPECT_EQ(line_of(TestError{.text = "1 of 2 subtests failed", .is_summary = true}),
              R"({"kind":"error","summary":true,"text":"1 of 2 subtests failed"})");
    EXPECT_EQ(line_of(SubtestSkip{"logout"}), R"({"kind":"skip","text":"logout"})");
}

TEST_F(RecordSinkTest, WritesCommands) {
    EXPECT_EQ(line_of(Command{.text = "true"}, "web"),
              R"({"machine":"web","kind":"command","text":"true"})");
    EXPECT_EQ(line_of(Command{"ls", 2, true, "none", 40, 250ms}, "web"),
              R"({"machine":"web","kind":"command","text":"ls","status":2,"timed_out":true,)"
              R"("output":"none","cut":40,"took":0.25})");
}

TEST_F(RecordSinkTest, WritesLivesAndPictures) {
    EXPECT_EQ(line_of(Life{Life::What::up}, "web"),
              R"({"machine":"web","kind":"life","what":"up"})");
    EXPECT_EQ(line_of(Picture{"web/1.png"}, "web"),
              R"({"machine":"web","kind":"picture","file":"web/1.png"})");
}

TEST_F(RecordSinkTest, WritesTheTimeAndTheLineOfTheScript) {
    Event late = event("web", Line{Level::info, "hello"});
    late.at = std::chrono::steady_clock::now() + 1h;
    late.line = 12;
    sink->write(late);
    const auto json = Json::parse(lines().back());
    EXPECT_NEAR(json["at"].get<double>(), 3600, 60);
    EXPECT_EQ(json["line"], 12);
}

TEST_F(RecordSinkTest, MakesValidTextOfAnyBytes) {
    EXPECT_EQ(line_of(Serial{std::string_view("\xff\0\x1b", 3)}),
              "{\"kind\":\"serial\",\"text\":\"\xEF\xBF\xBD\\u0000\\u001b\"}");
}

TEST_F(RecordSinkTest, KeepsConsoleLinesUntilTheNextOtherEvent) {
    sink->write(event("web", Serial{"one"}));
    EXPECT_EQ(lines().size(), 1U);
    sink->write(event("web", Line{}));
    EXPECT_EQ(lines().size(), 3U);
}

TEST_F(RecordSinkTest, WritesConsoleLinesWhenTheyAreMany) {
    const std::string line(1000, 'x');
    for (int i = 0; i < 100; ++i)
        sink->write(event("web", Serial{line}));
    EXPECT_GT(lines().size(), 50U);
}

TEST_F(RecordSinkTest, WritesTheRestAtItsEnd) {
    sink->write(event("web", Serial{"one"}));
    sink.reset();
    EXPECT_EQ(lines().size(), 2U);
}

TEST_F(RecordSinkTest, LeavesOutWhatGuestsSendBeyondTheLimit) {
    sink = std::make_unique<RecordSink>(UniqueFd(::dup(file.get())), small_run, 400);
    for (int i = 0; i < 100; ++i)
        sink->write(event("web", Serial{"line"}));
    EXPECT_EQ(line_of(Output{"output"}), R"({"kind":"cut"})");
    EXPECT_LT(text().size(), 1000U);
    EXPECT_EQ(line_of(TestError{"failed"}), R"({"kind":"error","text":"failed"})");
    EXPECT_EQ(line_of(Serial{"late"}), R"({"kind":"error","text":"failed"})");
}

TEST_F(RecordSinkTest, RemembersTheFirstErrorAndEnds) {
    sink = std::make_unique<RecordSink>(UniqueFd(::open("/dev/full", O_WRONLY | O_CLOEXEC)),
                                        small_run);
    sink->write(event(TestError{"failed"}));
    EXPECT_EQ(sink->error(), ENOSPC);
}

TEST_F(RecordSinkTest, HasNoErrorAtFirst) {
    sink->write(event(TestError{"failed"}));
    EXPECT_EQ(sink->error(), 0);
}

TEST_F(RecordSinkTest, GetsTheTimeOfEventsFromTheLog) {
    Log log;
    log.add_sink(std::move(sink));
    log.info("hello");
    const auto json = Json::parse(lines().back());
    EXPECT_GE(json["at"].get<double>(), 0);
    EXPECT_LT(json["at"].get<double>(), 3600);
}

TEST(OtherSinks, DoNotGetEventsForTheRecord) {
    const UniqueFd out(::memfd_create("terminal", MFD_CLOEXEC));
    TerminalSink sink(out.get(), {.level = Level::debug});
    sink.write(event("web", Command{.text = "true"}));
    sink.write(event("web", Life{}));
    sink.write(event("web", Picture{"1.png"}));
    sink.flush();
    EXPECT_EQ(::lseek(out.get(), 0, SEEK_END), 0);
}

} // namespace

} // namespace ntd::log
