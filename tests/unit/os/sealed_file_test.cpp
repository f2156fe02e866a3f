#include <ntd/os/sealed_file.h>

#include "support.h"

#include <sys/stat.h>

namespace ntd::os {

TEST(SealedFile, IsReadFromItsBegin) {
    const auto file = sealed_file("ntd-unit-test", std::string(200'000, 'x'));
    EXPECT_EQ(read_all(file.get()), std::string(200'000, 'x'));
}

TEST(SealedFile, CannotBeChangedByWhoOpensItAgain) {
    const auto file = sealed_file("ntd-unit-test", "abc");
    const UniqueFd again(
        ::open(("/proc/self/fd/" + std::to_string(file.get())).c_str(), O_RDWR | O_CLOEXEC));
    EXPECT_EQ(::write(again.get(), "x", 1), -1);
    EXPECT_EQ(::ftruncate(again.get(), 0), -1);
    EXPECT_EQ(::ftruncate(again.get(), 1 << 20), -1);
}

} // namespace ntd::os
