#pragma once

#include <ntd/base/unique_fd.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace ntd::machine {

// How much of a text is kept.
struct KeptTextLimits {
    std::size_t memory = std::size_t{16} << 20;
    std::size_t disk = std::size_t{1} << 30; // for text that is no longer in memory
};

// A text without a size limit of which only the end is kept. The newest part is in memory, older
// text in an unnamed file up to a limit. Still older text is dropped, and so is text that a full
// disk cannot take. Positions count from the first byte ever added. Not thread-safe.
class KeptText {
public:
    explicit KeptText(std::filesystem::path directory, KeptTextLimits limits = {})
        : directory_(std::move(directory)), limits_(limits) {}

    void append(std::string_view text);
    void clear();

    std::size_t size() const { return memory_begin_ + memory_.size(); }

    // Text before this position was dropped.
    std::size_t begin() const { return file_begin_; }

    // Returns up to `most` bytes from position `from`, which must not be less than begin().
    std::string read(std::size_t from, std::size_t most) const;

private:
    void move_to_file();
    bool write_to_file(std::string_view text, std::size_t position);

    std::filesystem::path directory_;
    KeptTextLimits limits_;
    UniqueFd file_; // ring buffer: offset is position modulo size
    std::size_t file_begin_ = 0;
    std::size_t memory_begin_ = 0; // also the end of the file's text
    std::string memory_;
};

} // namespace ntd::machine
