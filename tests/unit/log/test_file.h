#pragma once

#include <ntd/base/unique_fd.h>

#include <gtest/gtest.h>

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace ntd::log {

inline std::string contents(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// A descriptor to write to, and the text written so far.
class Capture {
public:
    int fd() const { return file_.get(); }
    std::string text() const { return contents("/proc/self/fd/" + std::to_string(fd())); }

private:
    UniqueFd file_{::memfd_create("capture", MFD_CLOEXEC)};
};

// A temporary directory for one test.
class TestDirectory {
public:
    TestDirectory() {
        std::string name = testing::TempDir() + "/ntd-log-XXXXXX";
        path_ = ::mkdtemp(name.data());
    }
    ~TestDirectory() { std::filesystem::remove_all(path_); }
    TestDirectory(const TestDirectory&) = delete;
    TestDirectory& operator=(const TestDirectory&) = delete;
    TestDirectory(TestDirectory&&) = delete;
    TestDirectory& operator=(TestDirectory&&) = delete;

    std::filesystem::path file(const char* name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

} // namespace ntd::log
