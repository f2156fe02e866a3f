#include <ntd/proto/qmp_codec.h>

#include <ntd/base/error.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace ntd::proto {

namespace {

using Kind = QmpMessage::Kind;

constexpr std::string_view greeting =
    R"({"QMP": {"version": {"qemu": {"micro": 2, "minor": 2, "major": 7}}, "capabilities": []}})"
    "\r\n";
constexpr std::string_view failure =
    R"({"id": 3, "error": {"class": "CommandNotFound", "desc": "no such command"}})"
    "\r\n";
constexpr std::string_view shutdown =
    R"({"timestamp": {"seconds": 1, "microseconds": 2}, "event": "SHUTDOWN", )"
    R"("data": {"guest": true, "reason": "guest-shutdown"}})"
    "\r\n";

QmpMessage decoded(std::string_view line) {
    QmpDecoder decoder;
    decoder.feed(line);
    return decoder.next().value();
}

TEST(QmpCommand, IsALineWithAnId) {
    EXPECT_EQ(qmp_command("query-status", "", 7), "{\"execute\":\"query-status\",\"id\":7}\n");
}

TEST(QmpCommand, PassesArgumentsOn) {
    EXPECT_EQ(qmp_command("quit", R"({"a": [1, null]})", 1),
              "{\"arguments\":{\"a\":[1,null]},\"execute\":\"quit\",\"id\":1}\n");
}

std::string nested(std::size_t depth) {
    return R"({"return": )" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}\n";
}

TEST(QmpCommand, RefusesArgumentsThatWouldTakeTheStack) {
    EXPECT_THROW(qmp_command("x", nested(1'000'000), 1), UsageError);
}

TEST(QmpDecoder, RefusesAMessageThatWouldTakeTheStack) {
    EXPECT_THROW(decoded(nested(1'000'000)), ProtocolError);
}

TEST(QmpDecoder, RefusesBracketsWithoutEnd) {
    EXPECT_THROW(decoded(std::string(1'000'000, '[') + "\n"), ProtocolError);
}

TEST(QmpDecoder, TakesSomeHundredBracketsInEachOther) {
    EXPECT_EQ(decoded(nested(500)).kind, Kind::success);
}

TEST(QmpDecoder, CountsNoBracketsInStrings) {
    const auto brackets = std::string(1000, '[') + R"(\"\\)";
    EXPECT_EQ(decoded(R"({"return": ")" + brackets + "\"}\n").kind, Kind::success);
}

TEST(QmpCommand, IsOneLineWhateverIsInTheArguments) {
    const auto line = qmp_command("x", "{\n\"a\":\n\"b\\nc\"}", 1);
    EXPECT_EQ(line.find('\n'), line.size() - 1);
}

TEST(QmpCommand, RefusesArgumentsThatAreNotJson) {
    EXPECT_THROW(qmp_command("x", "{", 1), UsageError);
}

TEST(QmpCommand, RefusesArgumentsThatAreNoObject) {
    EXPECT_THROW(qmp_command("x", "[1]", 1), UsageError);
}

TEST(QmpCommand, TakesANameThatIsNotUtf8) {
    EXPECT_EQ(qmp_command("\xFF", "", 1), "{\"execute\":\"\xEF\xBF\xBD\",\"id\":1}\n");
}

TEST(JsonObject, IsEmptyWithoutMembers) {
    EXPECT_EQ(json_object({}), "{}");
}

TEST(JsonObject, EscapesItsStrings) {
    EXPECT_EQ(json_object({{"file", "a\"b\\c\n"}}), R"({"file":"a\"b\\c\n"})");
}

TEST(JsonObject, HasEveryMember) {
    EXPECT_EQ(json_object({{"a", "1"}, {"b", "2"}}), R"({"a":"1","b":"2"})");
}

TEST(JsonObject, ReplacesBytesThatAreNotUtf8) {
    EXPECT_EQ(json_object({{"a", "\xFF"}}), "{\"a\":\"\xEF\xBF\xBD\"}");
}

TEST(QmpDecoder, KnowsAGreeting) {
    EXPECT_EQ(decoded(greeting).kind, Kind::greeting);
}

TEST(QmpDecoder, KnowsAnAnswer) {
    EXPECT_EQ(decoded("{\"return\": {}, \"id\": 1}\r\n").kind, Kind::success);
}

TEST(QmpDecoder, KnowsWhatIsAnswered) {
    EXPECT_EQ(decoded("{\"return\": {}, \"id\": 41}\r\n").id, 41);
}

TEST(QmpDecoder, TakesAnAnswerWithoutAnId) {
    EXPECT_EQ(decoded("{\"return\": {}}\n").id, std::nullopt);
}

TEST(QmpDecoder, KeepsTheWholeMessage) {
    EXPECT_EQ(decoded("{\"return\": {\"x\": [1, \"\\u00e4\"]}, \"id\": 1}\r\n").json,
              "{\"id\":1,\"return\":{\"x\":[1,\"\xC3\xA4\"]}}");
}

TEST(QmpDecoder, KnowsAnError) {
    EXPECT_EQ(decoded(failure).kind, Kind::error);
}

TEST(QmpDecoder, KnowsWhichCommandFailed) {
    EXPECT_EQ(decoded(failure).id, 3);
}

TEST(QmpDecoder, KnowsTheClassOfAnError) {
    EXPECT_EQ(decoded(failure).error_class, "CommandNotFound");
}

TEST(QmpDecoder, KnowsTheDescriptionOfAnError) {
    EXPECT_EQ(decoded(failure).error_description, "no such command");
}

TEST(QmpDecoder, TakesAnErrorOfAnotherForm) {
    EXPECT_EQ(decoded("{\"error\": \"out of order\"}\n").kind, Kind::error);
}

TEST(QmpDecoder, KnowsAnEvent) {
    EXPECT_EQ(decoded(shutdown).kind, Kind::event);
}

TEST(QmpDecoder, KnowsAnEventsName) {
    EXPECT_EQ(decoded(shutdown).event, "SHUTDOWN");
}

TEST(QmpDecoder, PutsASplitMessageTogether) {
    QmpDecoder decoder;
    decoder.feed(shutdown.substr(0, 20));
    decoder.next();
    decoder.feed(shutdown.substr(20));
    EXPECT_EQ(decoder.next().value().event, "SHUTDOWN");
}

TEST(QmpDecoder, WaitsForTheLineEnd) {
    QmpDecoder decoder;
    decoder.feed("{\"return\": {}}");
    EXPECT_FALSE(decoder.next());
}

TEST(QmpDecoder, TellsJoinedMessagesApart) {
    QmpDecoder decoder;
    decoder.feed(std::string(failure) + std::string(shutdown));
    decoder.next();
    EXPECT_EQ(decoder.next().value().event, "SHUTDOWN");
}

TEST(QmpDecoder, PassesOverEmptyLines) {
    EXPECT_EQ(decoded("\r\n \n" + std::string(greeting)).kind, Kind::greeting);
}

class NoMessage : public testing::TestWithParam<const char*> {};

TEST_P(NoMessage, IsAProtocolError) {
    QmpDecoder decoder;
    decoder.feed(GetParam());
    EXPECT_THROW(decoder.next(), ProtocolError);
}

INSTANTIATE_TEST_SUITE_P(QmpDecoder,
                         NoMessage,
                         testing::Values("hello\n",
                                         "{\"return\": \n",
                                         "[]\n",
                                         "{}\n",
                                         "{\"event\": 1}\n",
                                         "{\"return\": \"\xFF\"}\n"));

TEST(QmpDecoder, GoesOnBehindALineThatIsNoMessage) {
    QmpDecoder decoder;
    decoder.feed("hello\n" + std::string(shutdown));
    EXPECT_THROW(decoder.next(), ProtocolError);
    EXPECT_EQ(decoder.next().value().event, "SHUTDOWN");
}

std::chrono::microseconds since_epoch(std::string_view timestamp) {
    const auto event = fmt::format("{{\"event\": \"RESET\", \"timestamp\": {}}}\n", timestamp);
    return std::chrono::duration_cast<std::chrono::microseconds>(
        qmp_time(decoded(event)).time_since_epoch());
}

TEST(QmpTime, IsTheEvents) {
    EXPECT_EQ(since_epoch(R"({"seconds": 7, "microseconds": 2})").count(), 7'000'002);
}

class NoQmpTime : public testing::TestWithParam<const char*> {};

TEST_P(NoQmpTime, IsTheEndOfTime) {
    const auto latest = std::chrono::system_clock::time_point::max().time_since_epoch();
    EXPECT_EQ(since_epoch(GetParam()),
              std::chrono::duration_cast<std::chrono::microseconds>(latest));
}

INSTANTIATE_TEST_SUITE_P(,
                         NoQmpTime,
                         testing::Values("7",
                                         "{}",
                                         R"({"seconds": 7})",
                                         R"({"seconds": -1, "microseconds": -1})",
                                         R"({"seconds": 1e99, "microseconds": 0})",
                                         R"({"seconds": 9223372036854775807, "microseconds": 0})"));

TEST(QmpCausedByGuest, SaysWhatTheEventSays) {
    EXPECT_TRUE(qmp_caused_by_guest(decoded(shutdown)));
}

TEST(QmpCausedByGuest, IsFalseForTheHostsDoing) {
    EXPECT_FALSE(
        qmp_caused_by_guest(decoded("{\"event\": \"RESET\", \"data\": {\"guest\": false}}\n")));
}

TEST(QmpCausedByGuest, IsFalseWithoutData) {
    EXPECT_FALSE(qmp_caused_by_guest(decoded("{\"event\": \"STOP\"}\n")));
}

TEST(QmpCausedByGuest, IsFalseForDataOfAnotherForm) {
    EXPECT_FALSE(qmp_caused_by_guest(decoded("{\"event\": \"X\", \"data\": {\"guest\": 1}}\n")));
}

} // namespace

} // namespace ntd::proto
