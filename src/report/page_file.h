#pragma once

#include <ntd/base/unique_fd.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace ntd::report {

// A file that appears under its name only once it is complete.
class PageFile {
public:
    explicit PageFile(const std::filesystem::path& file);
    ~PageFile(); // removes the incomplete file
    PageFile(const PageFile&) = delete;
    PageFile& operator=(const PageFile&) = delete;
    PageFile(PageFile&&) = delete;
    PageFile& operator=(PageFile&&) = delete;

    void write(std::string_view text);
    void finish();

private:
    void send();

    std::filesystem::path file_;
    std::filesystem::path temporary_;
    UniqueFd fd_;
    std::string pending_;
    bool finished_ = false;
};

} // namespace ntd::report
