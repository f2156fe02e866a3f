#include <ntd/trace/trace.h>

#include <ntd/base/error.h>

#include <gmock/gmock.h>

#include <string>

namespace ntd::trace {

namespace {

using testing::HasSubstr;

Level level_of(const char* text, Category category) {
    return settings_from(nullptr, text).levels.at(static_cast<std::size_t>(category));
}

std::string refusal_of(const char* file, const char* levels) {
    try {
        settings_from(file, levels);
    } catch (const UsageError& error) {
        return error.what();
    }
    return "none";
}

} // namespace

TEST(TraceSettings, AreForNothingWithoutAFile) {
    EXPECT_FALSE(settings_from(nullptr, nullptr).file);
    EXPECT_FALSE(settings_from("", "").file);
}

TEST(TraceSettings, HaveEverythingByDefault) {
    EXPECT_EQ(level_of("", Category::channel), Level::trace);
}

TEST(TraceSettings, HaveALevelForAll) {
    EXPECT_EQ(level_of("info", Category::driver), Level::info);
    EXPECT_EQ(level_of("info", Category::channel), Level::info);
}

TEST(TraceSettings, HaveLevelsOfCategories) {
    const auto* text = "debug,channel=trace,os=off";
    EXPECT_EQ(level_of(text, Category::machine), Level::debug);
    EXPECT_EQ(level_of(text, Category::channel), Level::trace);
    EXPECT_EQ(level_of(text, Category::os), Level::off);
}

TEST(TraceSettings, RefuseWhatTheyDoNotKnow) {
    EXPECT_THAT(refusal_of(nullptr, "loud"), HasSubstr("NTD_TRACE_LEVEL: 'loud'"));
    EXPECT_THAT(refusal_of(nullptr, "debug,oss=info"), HasSubstr("'oss=info'"));
    EXPECT_THAT(refusal_of(nullptr, "os="), HasSubstr("'os='"));
    EXPECT_THAT(refusal_of(nullptr, "debug,,info"), HasSubstr("''"));
}

TEST(TraceSettings, RefuseAFileThatCannotBeWritten) {
    EXPECT_THAT(refusal_of("/nowhere/trace", nullptr),
                HasSubstr("cannot write the trace of $NTD_TRACE: '/nowhere/trace': No such file"));
}

} // namespace ntd::trace
