#include <ntd/proto/vde_codec.h>

#include <gtest/gtest.h>

namespace ntd::proto {

namespace {

// What vde_switch 2.3.2 answers to `showinfo` on a console without a prompt.
constexpr std::string_view showinfo = "0000 DATA END WITH '.'\n"
                                      "Numports=32\n"
                                      "HUB=true\n"
                                      ".\n"
                                      "1000 Success\n";

std::optional<VdeReply> decoded(std::string_view bytes) {
    VdeDecoder decoder;
    decoder.feed(bytes);
    return decoder.next();
}

TEST(VdeDecoder, FindsTheEndOfAnAnswer) {
    EXPECT_EQ(decoded(showinfo).value().text, "1000 Success");
}

TEST(VdeDecoder, KeepsOnlyTheBeginOfAnAnswerWithoutEnd) {
    VdeDecoder decoder;
    const std::string line = std::string(1023, 'x') + "\n";
    for (int i = 0; i < 10'000; ++i) {
        decoder.feed(line);
        EXPECT_EQ(decoder.next(), std::nullopt);
    }
    decoder.feed("1000 Success\n");
    EXPECT_EQ(decoder.next().value().lines.size(), 1024U);
    decoder.feed(showinfo);
    EXPECT_EQ(decoder.next().value().lines.size(), 4U);
}

TEST(VdeDecoder, TakesOneThousandForSuccess) {
    EXPECT_TRUE(decoded("1000 Success\n").value().success);
}

TEST(VdeDecoder, TakesAnotherNumberForAFailure) {
    EXPECT_FALSE(decoded("1038 Function not implemented\n").value().success);
}

TEST(VdeDecoder, KeepsTheTextOfAFailure) {
    EXPECT_EQ(decoded("1038 Function not implemented\n").value().text,
              "1038 Function not implemented");
}

TEST(VdeDecoder, PassesOverAPrompt) {
    EXPECT_EQ(decoded("vde$ 1000 Success\r\n").value().text, "1000 Success");
}

TEST(VdeDecoder, PassesOverThePromptOfWirefilter) {
    EXPECT_EQ(decoded("\nVDEwf$ 1000 Success\n").value().text, "1000 Success");
}

TEST(VdeDecoder, KeepsTheLinesOfAnAnswer) {
    VdeDecoder decoder;
    decoder.feed(showinfo);
    decoder.feed("0000 DATA END WITH '.'\nHUB=false\n.\n1000 Success\n");
    decoder.next();
    EXPECT_EQ(decoder.next().value().lines.at(1), "HUB=false");
}

TEST(VdeDecoder, KeepsEventsApart) {
    VdeDecoder decoder;
    decoder.feed("0000 DATA END WITH '.'\n3031 port/ep/+ Port 01 FD  3\n.\n1000 Success\n");
    EXPECT_EQ(decoder.next().value().lines.size(), 2U);
    EXPECT_EQ(decoder.take_events(), std::vector<std::string>{"3031 port/ep/+ Port 01 FD  3"});
    EXPECT_TRUE(decoder.take_events().empty());
}

TEST(VdeDecoder, WaitsForTheLineEnd) {
    EXPECT_FALSE(decoded("0000 DATA\n1000 Success").has_value());
}

TEST(VdeDecoder, IsNotMisledByOtherNumbers) {
    EXPECT_FALSE(decoded("10000 packets\n1000\n100 Mbit\n2000 Success\n1o00 Success\n"));
}

TEST(VdeDecoder, PutsSplitAnswersTogether) {
    VdeDecoder decoder;
    decoder.feed("1000 Suc");
    decoder.next();
    decoder.feed("cess\n");
    EXPECT_EQ(decoder.next().value().text, "1000 Success");
}

TEST(VdeDecoder, TellsJoinedAnswersApart) {
    VdeDecoder decoder;
    decoder.feed("1000 Success\n1022 Invalid argument\n");
    decoder.next();
    EXPECT_EQ(decoder.next().value().text, "1022 Invalid argument");
}

} // namespace

} // namespace ntd::proto
