#include <ntd/proto/unit_bus.h>

#include <gtest/gtest.h>

namespace ntd::proto {

namespace {

using namespace std::string_literals;

TEST(UnitId, IsTheFullName) {
    EXPECT_EQ(unit_id("nginx"), "nginx.service");
}

TEST(UnitId, KeepsTheKind) {
    EXPECT_EQ(unit_id("multi-user.target"), "multi-user.target");
}

TEST(UnitId, IsNoKindWhateverFollowsADot) {
    EXPECT_EQ(unit_id("a.b"), "a.b.service");
}

TEST(UnitId, OfAPatternIsNone) {
    EXPECT_EQ(unit_id("ngi*"), std::nullopt);
}

TEST(UnitId, OfAPathIsNone) {
    EXPECT_EQ(unit_id("/mnt"), std::nullopt);
}

TEST(UnitId, OfWhatTheShellWouldReadIsNone) {
    EXPECT_EQ(unit_id("a;b"), std::nullopt);
}

TEST(UnitPath, HasWhatIsNoLetterInHexadecimal) {
    EXPECT_EQ(unit_path("dev-sda1.device"), "dev_2dsda1_2edevice");
}

TEST(UnitPath, BeginsWithNoDigit) {
    EXPECT_EQ(unit_path("9p.mount"), "_39p_2emount");
}

// systemd 252 accepted and answered this call.
TEST(UnitStateCall, IsOneOfDBus) {
    const auto expected = "l\1\0\1\x34\0\0\0nTab\x78\0\0\0"
                          "\1\1o\0\x2e\0\0\0/org/freedesktop/systemd1/unit/nginx_2eservice\0\0"
                          "\2\1s\0\x1f\0\0\0org.freedesktop.DBus.Properties\0"
                          "\3\1s\0\3\0\0\0Get\0\0\0\0\0"
                          "\x8\1g\0\2ss\0"
                          "\x1d\0\0\0org.freedesktop.systemd1.Unit\0\0\0\xb\0\0\0ActiveState\0"s;
    EXPECT_EQ(unit_state_call("nginx.service", "nTab"), expected);
}

TEST(NewSerial, IsWhatTheListenerLetsThrough) {
    const auto serial = new_serial();
    EXPECT_EQ(serial.size(), 4U);
    EXPECT_TRUE(serial.starts_with("nT"));
}

TEST(UnitBus, OfAUserIsThatOfHerManager) {
    EXPECT_EQ(unit_bus("alice"), "\"/run/user/$(id -u 'alice')/systemd/private\"");
}

} // namespace

} // namespace ntd::proto
