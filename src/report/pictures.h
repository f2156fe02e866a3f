#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>

namespace ntd::report {

// Puts pictures into the page.
class Pictures {
public:
    explicit Pictures(std::filesystem::path directory) : directory_(std::move(directory)) {}

    // An <img> with the picture in it, or a link if it is missing, too large or of a format that
    // browsers do not show. `file` is relative to the directory of the report.
    std::string show(const std::string& file, const std::string& description);

private:
    std::filesystem::path directory_;
    std::size_t room_ = std::size_t{96} << 20; // for more of them
};

} // namespace ntd::report
