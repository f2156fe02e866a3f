#include <ntd/proto/hmp_codec.h>

#include <ntd/base/error.h>

#include <gtest/gtest.h>

namespace ntd::proto {

namespace {

TEST(HmpCommand, IsALine) {
    EXPECT_EQ(hmp_command("info version"), "info version\n");
}

TEST(HmpCommand, RefusesALineEnd) {
    EXPECT_THROW(hmp_command("info version\nquit"), UsageError);
}

TEST(HmpCommand, RefusesACarriageReturn) {
    EXPECT_THROW(hmp_command("info version\rquit"), UsageError);
}

TEST(HmpDecoder, WaitsForThePrompt) {
    HmpDecoder decoder;
    decoder.feed("text\r\n(qemu)");
    EXPECT_EQ(decoder.next(), std::nullopt);
}

TEST(HmpDecoder, GivesTheAnswerWithItsPrompt) {
    HmpDecoder decoder;
    decoder.feed("text\r\n(qemu) ");
    EXPECT_EQ(decoder.next(), "text\r\n(qemu) ");
}

TEST(HmpDecoder, RefusesAnAnswerWithoutEnd) {
    HmpDecoder decoder;
    const std::string piece(1 << 20, 'x');
    const auto flood = [&] {
        for (std::size_t size = 0; size <= longest_hmp_answer; size += piece.size())
            decoder.feed(piece);
    };
    EXPECT_THROW(flood(), ProtocolError);
    EXPECT_EQ(decoder.partial(), "");
}

TEST(HmpDecoder, PutsASplitPromptTogether) {
    HmpDecoder decoder;
    decoder.feed("text\r\n(qe");
    decoder.feed("mu) ");
    EXPECT_EQ(decoder.next(), "text\r\n(qemu) ");
}

TEST(HmpDecoder, TakesAPromptInsideOfAnAnswerForText) {
    HmpDecoder decoder;
    decoder.feed("(qemu) in");
    EXPECT_EQ(decoder.next(), std::nullopt);
}

TEST(HmpDecoder, KeepsTheEchoWithItsEscapeSequences) {
    HmpDecoder decoder;
    decoder.feed("i\x1b[K\x1b[Din\x1b[K\r\nanswer\r\n(qemu) ");
    EXPECT_EQ(decoder.next(), "i\x1b[K\x1b[Din\x1b[K\r\nanswer\r\n(qemu) ");
}

TEST(HmpDecoder, GivesAnAnswerOnce) {
    HmpDecoder decoder;
    decoder.feed("text\r\n(qemu) ");
    decoder.next();
    EXPECT_EQ(decoder.next(), std::nullopt);
}

TEST(HmpDecoder, StartsAfreshForTheNextAnswer) {
    HmpDecoder decoder;
    decoder.feed("one\r\n(qemu) ");
    decoder.next();
    decoder.feed("two\r\n(qemu) ");
    EXPECT_EQ(decoder.next(), "two\r\n(qemu) ");
}

TEST(HmpDecoder, ShowsWhatHasComeOfAnAnswer) {
    HmpDecoder decoder;
    decoder.feed("half an ans");
    EXPECT_EQ(decoder.partial(), "half an ans");
}

} // namespace

} // namespace ntd::proto
