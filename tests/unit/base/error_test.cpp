#include <ntd/base/error.h>

#include <gtest/gtest.h>

namespace ntd {

namespace {

TEST(Error, FormatsItsMessage) {
    EXPECT_STREQ(Error("machine '{}' has {} disks", "web", 2).what(), "machine 'web' has 2 disks");
}

TEST(Error, TakesAStringAsItIs) {
    EXPECT_STREQ(Error(std::string("not {} a format")).what(), "not {} a format");
}

TEST(Error, PutsContextInFront) {
    Error error("no answer");
    error.add_context("while booting");
    error.add_context("machine 'web'");
    EXPECT_STREQ(error.what(), "machine 'web': while booting: no answer");
}

TEST(Error, KeepsBracesOfContext) {
    Error error("no answer");
    error.add_context("command `echo ${x}`");
    EXPECT_STREQ(error.what(), "command `echo ${x}`: no answer");
}

TEST(Error, ShowsNulBytesWhereItsTextWouldEnd) {
    using namespace std::string_literals;
    EXPECT_STREQ(Error("no file 'a\0b'"s).what(), "no file 'a\\x00b'");
    EXPECT_STREQ(Error("no file '{}'", "a\0\0"s).what(), "no file 'a\\x00\\x00'");
    Error error("no answer");
    error.add_context("key '\0'"s);
    EXPECT_STREQ(error.what(), "key '\\x00': no answer");
}

TEST(SystemError, EndsWithTheTextOfItsCode) {
    EXPECT_STREQ(SystemError(ENOENT, "open 'x'").what(), "open 'x': No such file or directory");
}

TEST(SystemError, KnowsItsCode) {
    EXPECT_EQ(SystemError(ENOENT, "open 'x'").code(), ENOENT);
}

TEST(SystemError, IsThrownForThePresentErrno) {
    try {
        errno = EACCES;
        throw_errno("open '{}'", "x");
    } catch (const SystemError& error) {
        EXPECT_STREQ(error.what(), "open 'x': Permission denied");
    }
}

TEST(MachineDied, IsAMachineError) {
    EXPECT_THROW(throw MachineDied("machine 'web' died"), MachineError);
}

} // namespace

} // namespace ntd
