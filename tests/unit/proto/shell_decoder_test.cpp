#include <ntd/proto/shell_decoder.h>

#include <ntd/base/error.h>

#include <gtest/gtest.h>

#include <functional>
#include <vector>

namespace ntd::proto {

namespace {

using namespace std::string_literals;

constexpr auto marker = "ntd-0123456789abcdef";

// The result of decoding the pieces one after the other.
struct Decoded {
    explicit Decoded(std::initializer_list<std::string_view> pieces) : decoder(marker) {
        for (const auto piece : pieces) {
            decoder.feed(piece);
            output += decoder.take_output();
        }
    }

    ShellDecoder decoder;
    std::string output;
};

const std::string frame_7 = marker + " 7\n"s;

// Output that contains the beginning of the marker twice, then a frame.
const std::string stream = "one\nnt ntd-01" + frame_7;

// Splits the stream in two at every position, and returns the positions where `is_right` fails.
std::vector<std::size_t> wrong_cuts(const std::function<bool(const Decoded&)>& is_right) {
    std::vector<std::size_t> wrong;
    for (std::size_t cut = 0; cut <= stream.size(); ++cut)
        if (const auto text = std::string_view(stream);
            !is_right(Decoded{text.substr(0, cut), text.substr(cut)}))
            wrong.push_back(cut);
    return wrong;
}

const std::vector<std::size_t> none;

TEST(ShellDecoder, RefusesAFrameWithoutEnd) {
    ShellDecoder decoder(marker);
    decoder.feed(marker);
    const std::string piece(1 << 16, 'x');
    const auto flood = [&] {
        for (int i = 0; i < 17; ++i)
            decoder.feed(piece);
    };
    EXPECT_THROW(flood(), ProtocolError);
}

TEST(ShellDecoder, FindsTheStatusWhereverTheStreamIsCut) {
    EXPECT_EQ(wrong_cuts([](const Decoded& it) { return it.decoder.status() == 7; }), none);
}

TEST(ShellDecoder, GivesTheOutputWithoutTheFrameWhereverTheStreamIsCut) {
    EXPECT_EQ(wrong_cuts([](const Decoded& it) { return it.output == "one\nnt ntd-01"; }), none);
}

TEST(ShellDecoder, FindsTheStatusInSingleBytes) {
    ShellDecoder decoder(marker);
    for (const char byte : stream)
        decoder.feed({&byte, 1});
    EXPECT_EQ(decoder.status(), 7);
}

TEST(ShellDecoder, KnowsNoStatusBeforeTheFrame) {
    EXPECT_EQ(Decoded({"7\n"}).decoder.status(), std::nullopt);
}

TEST(ShellDecoder, WaitsForTheFramesLineEnd) {
    EXPECT_EQ(Decoded({marker, " 1"}).decoder.status(), std::nullopt);
}

TEST(ShellDecoder, ReadsAStatusOfThreeDigits) {
    EXPECT_EQ(Decoded({marker, " 255\n"}).decoder.status(), 255);
}

TEST(ShellDecoder, ReadsAStatusOfZero) {
    EXPECT_EQ(Decoded({marker, " 0\n"}).decoder.status(), 0);
}

TEST(ShellDecoder, FindsAFrameThatBeginsInTheMiddleOfALine) {
    EXPECT_EQ(Decoded({"no line end", frame_7}).decoder.status(), 7);
}

TEST(ShellDecoder, KeepsWhatMayBeTheBeginOfAMarkerBack) {
    EXPECT_EQ(Decoded({"text ntd-01"}).output, "text ");
}

TEST(ShellDecoder, GivesOutWhatTurnsOutToBeNoMarker) {
    EXPECT_EQ(Decoded({"text ntd-01", "x"}).output, "text ntd-01x");
}

TEST(ShellDecoder, FindsAMarkerRightBehindItsOwnBegin) {
    EXPECT_EQ(Decoded({"ntd-01", frame_7}).output, "ntd-01");
}

TEST(ShellDecoder, GivesOutOutputOnce) {
    ShellDecoder decoder(marker);
    decoder.feed("text");
    decoder.take_output();
    EXPECT_EQ(decoder.take_output(), "");
}

TEST(ShellDecoder, TakesTheMarkerOfAnotherCommandForOutput) {
    const auto stale = "ntd-fedcba9876543210 3\n"s;
    EXPECT_EQ(Decoded({stale, frame_7}).output, stale);
}

TEST(ShellDecoder, KeepsTheStatusWhenAnotherCommandsFrameComes) {
    EXPECT_EQ(Decoded({frame_7, "ntd-fedcba9876543210 3\n"}).decoder.status(), 7);
}

TEST(ShellDecoder, KeepsEveryByteValue) {
    std::string bytes;
    for (int byte = 0; byte < 256; ++byte)
        bytes += static_cast<char>(byte);
    EXPECT_EQ(Decoded({bytes, frame_7}).output, bytes);
}

TEST(ShellDecoder, KeepsAMebibyteFedInSmallPieces) {
    const std::string piece = "n\0nt\xFFntd-0123456789abcde"s;
    ShellDecoder decoder(marker);
    std::string output;
    std::string expected;
    while (expected.size() < (1 << 20)) {
        decoder.feed(piece);
        output += decoder.take_output();
        expected += piece;
    }
    decoder.feed(frame_7);
    EXPECT_EQ(output + decoder.take_output(), expected);
}

TEST(ShellDecoder, TellsThatTheWorkerIsGone) {
    EXPECT_TRUE(Decoded({marker, " gone\n"}).decoder.worker_gone());
}

TEST(ShellDecoder, TellsOnceThatTheWorkerIsNew) {
    Decoded decoded({marker, " anew\n", "text", marker, " 0\n"});
    EXPECT_TRUE(decoded.decoder.take_worker_is_new());
    EXPECT_FALSE(decoded.decoder.take_worker_is_new());
    EXPECT_EQ(decoded.decoder.status(), 0);
}

TEST(ShellDecoder, DoesNotTakeGoneForAStatus) {
    EXPECT_EQ(Decoded({marker, " gone\n"}).decoder.status(), std::nullopt);
}

TEST(ShellDecoder, CountsTheAnswersOfAShellThatRuns) {
    EXPECT_EQ(Decoded({marker, " runs\n", frame_7, marker, " runs\n"}).decoder.answers(), 2);
}

TEST(ShellDecoder, TellsWhoHoldsTheOutput) {
    Decoded decoded{"text", marker, " held 12 sleep, 13 sshd\n"};
    EXPECT_EQ(decoded.decoder.take_holders(), "12 sleep, 13 sshd");
}

TEST(ShellDecoder, TellsTheHoldersOnce) {
    Decoded decoded{marker, " held 12 sleep\n"};
    decoded.decoder.take_holders();
    EXPECT_EQ(decoded.decoder.take_holders(), "");
}

TEST(ShellDecoder, TakesAHeldFrameOutOfTheOutput) {
    EXPECT_EQ(Decoded({"one ", marker, " held 12 sleep\n", "two", frame_7}).output, "one two");
}

TEST(ShellDecoder, FindsTheStatusBehindAHeldFrame) {
    EXPECT_EQ(Decoded({marker, " held 12 sleep\n", frame_7}).decoder.status(), 7);
}

TEST(ShellDecoder, TakesWhatFollowsTheStatusForOutput) {
    EXPECT_EQ(Decoded({"one ", frame_7, "two"}).output, "one two");
}

class Garbage : public testing::TestWithParam<const char*> {};

TEST_P(Garbage, IsAProtocolError) {
    ShellDecoder decoder(marker);
    EXPECT_THROW(decoder.feed(marker + std::string(GetParam()) + "\n"), ProtocolError);
}

INSTANTIATE_TEST_SUITE_P(
    ShellDecoder,
    Garbage,
    testing::Values("", " ", " x", " 1x", " 1 2", " held", " gone!", " 99999999999", "x 1"));

TEST(ShellDecoder, ShowsAGarbageFrameWithoutItsControlCharacters) {
    ShellDecoder decoder(marker);
    try {
        decoder.feed(marker + " \x1b[31mred\x07\n"s);
        FAIL() << "no error";
    } catch (const ProtocolError& error) {
        EXPECT_STREQ(error.what(), "the guest's shell sent a frame that means nothing: "
                                   "'ntd-0123456789abcdef red'");
    }
}

TEST(ShellDecoder, GoesOnBehindAGarbageFrame) {
    ShellDecoder decoder(marker);
    EXPECT_THROW(decoder.feed(marker + " x\n"s), ProtocolError);
    decoder.feed(frame_7);
    EXPECT_EQ(decoder.status(), 7);
}

} // namespace

} // namespace ntd::proto
