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

TEST(HmpWords, AreWhatIsBetweenEchoAndPrompt) {
    EXPECT_EQ(hmp_words("s\x1b[K\x1b[Dset\x1b[K\r\nError: no\r\n(qemu) "), "Error: no");
}

TEST(HmpWords, MayBeNone) {
    EXPECT_EQ(hmp_words("c\x1b[K\x1b[Dcont\x1b[K\r\n(qemu) "), "");
    EXPECT_EQ(hmp_words(""), "");
}

TEST(HmpVdeCables, AreNamedWithTheirSwitchAndCard) {
    const auto cables = hmp_vde_cables(
        "info network\r\n"
        "virtio-net-pci.0: index=0,type=nic,model=virtio-net-pci,macaddr=52:54:00:12:01:01\r\n"
        " \\ vlan1: index=0,type=vde,sock=/tmp/vde1.ctl,fd=14\r\n"
        "virtio-net-pci.1: index=0,type=nic,model=virtio-net-pci,macaddr=52:54:00:12:34:56\r\n"
        " \\ user.0: index=0,type=user,net=10.0.2.0,restrict=off\r\n(qemu) ");
    ASSERT_EQ(cables.size(), 1U);
    EXPECT_EQ(cables[0].name, "vlan1");
    EXPECT_EQ(cables[0].socket, "/tmp/vde1.ctl");
    EXPECT_EQ(cables[0].card, "virtio-net-pci.0");
}

TEST(HmpVdeCables, OfAHubHaveNoCard) {
    const auto cables = hmp_vde_cables("info network\r\n"
                                       "hub 0\r\n"
                                       " \\ hub0port1: vde.0: index=0,type=vde,sock=/s\r\n"
                                       "vde.1: index=0,type=vde,sock=/t,fd=3\r\n(qemu) ");
    ASSERT_EQ(cables.size(), 2U);
    EXPECT_EQ(cables[0].card, "");
    EXPECT_EQ(cables[1].name, "vde.1");
    EXPECT_EQ(cables[1].socket, "/t");
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
