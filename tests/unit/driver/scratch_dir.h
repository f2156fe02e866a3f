#pragma once

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

namespace ntd {

// A temporary directory for one test. The destructor removes it.
class ScratchDir {
public:
    ScratchDir() {
        std::string pattern = std::filesystem::path(::testing::TempDir()) / "ntd-test-XXXXXX";
        if (::mkdtemp(pattern.data()) == nullptr)
            throw std::filesystem::filesystem_error(
                "make a scratch directory", pattern,
                std::error_code(errno, std::generic_category()));
        path_ = pattern;
    }
    ~ScratchDir() {
        std::error_code ignored; // a failure here must not hide the test's result
        std::filesystem::remove_all(path_, ignored);
    }
    ScratchDir(const ScratchDir&) = delete;
    ScratchDir& operator=(const ScratchDir&) = delete;
    ScratchDir(ScratchDir&&) = delete;
    ScratchDir& operator=(ScratchDir&&) = delete;

    const std::filesystem::path& path() const { return path_; }

    std::string file(std::string_view name, std::string_view text = "") const {
        const auto file = path_ / name;
        std::ofstream(file) << text;
        return file.string();
    }

    std::string program(std::string_view name) const {
        const auto made = file(name, "#!/bin/sh\n");
        std::filesystem::permissions(made, std::filesystem::perms::owner_all);
        return made;
    }

private:
    std::filesystem::path path_;
};

// The what() of the exception that a function throws, or "no error".
template <typename Failure, typename Function>
std::string error_of(Function&& function) {
    try {
        function();
    } catch (const Failure& error) {
        return error.what();
    }
    return "no error";
}

} // namespace ntd
