#include <ntd/driver/progress.h>

#include <gtest/gtest.h>

namespace ntd::driver {

namespace {

using namespace std::chrono_literals;

TEST(ProgressTest, IsDueAtTenThirtyAndSixtySeconds) {
    EXPECT_EQ(progress_due(9.9s, 0s), std::nullopt);
    EXPECT_EQ(progress_due(10s, 0s), machine::Seconds(10));
    EXPECT_EQ(progress_due(29s, 10s), std::nullopt);
    EXPECT_EQ(progress_due(30s, 10s), machine::Seconds(30));
    EXPECT_EQ(progress_due(61s, 30s), machine::Seconds(60));
}

TEST(ProgressTest, IsDueEachMinuteLater) {
    EXPECT_EQ(progress_due(119s, 60s), std::nullopt);
    EXPECT_EQ(progress_due(120s, 60s), machine::Seconds(120));
    EXPECT_EQ(progress_due(601s, 540s), machine::Seconds(600));
}

TEST(ProgressTest, LeavesOutWhatItHasMissed) {
    EXPECT_EQ(progress_due(200s, 0s), machine::Seconds(180));
}

} // namespace

} // namespace ntd::driver
