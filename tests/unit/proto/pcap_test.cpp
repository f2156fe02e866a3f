#include <ntd/proto/pcap.h>

#include <gtest/gtest.h>

#include <bit>

namespace ntd::proto {

namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

class PcapTest : public testing::Test {
protected:
    void SetUp() override {
        if (std::endian::native != std::endian::little)
            GTEST_SKIP() << "the expected bytes are those of a little-endian machine";
    }
};

TEST_F(PcapTest, BeginsWithItsHeader) {
    EXPECT_EQ(pcap_header(), "\x4d\x3c\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0"s);
}

TEST_F(PcapTest, HasTimeAndSizeOfAFrameBeforeIt) {
    const auto time = std::chrono::system_clock::time_point(5s + 7ns);
    EXPECT_EQ(pcap_record(time, "frame"), "\x05\0\0\0\x07\0\0\0\x05\0\0\0\x05\0\0\0frame"s);
}

TEST(VdePlugDecoder, GivesFramesWithoutTheirLengths) {
    VdePlugDecoder decoder;
    decoder.feed("\0\x02onetwo"s.substr(0, 4) + "\0\x03two"s);
    EXPECT_EQ(decoder.next(), "on");
    EXPECT_EQ(decoder.next(), "two");
    EXPECT_EQ(decoder.next(), std::nullopt);
}

TEST(VdePlugDecoder, WaitsForTheRestOfAFrame) {
    VdePlugDecoder decoder;
    decoder.feed("\x01"s);
    EXPECT_EQ(decoder.next(), std::nullopt);
    decoder.feed("\0"s + std::string(255, 'x'));
    EXPECT_EQ(decoder.next(), std::nullopt);
    decoder.feed("y");
    EXPECT_EQ(decoder.next(), std::string(255, 'x') + "y");
}

} // namespace

} // namespace ntd::proto
