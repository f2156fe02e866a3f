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
    std::size_t disk = std::size_t{1} << 30; // the newest of what is older
};

// A text that may grow for ever: its end is in memory, what is older in a file without a name, up
// to a limit; what is older still, or was to go to a disk that is full, is gone. Positions count
// from the first byte that there ever was. For one thread at a time.
class KeptText {
public:
    explicit KeptText(std::filesystem::path directory, KeptTextLimits limits = {})
        : directory_(std::move(directory)), limits_(limits) {}

    void append(std::string_view text);
    void clear();

    std::size_t size() const { return memory_begin_ + memory_.size(); }

    // What is before it is gone.
    std::size_t begin() const { return file_begin_; }

    // From a position that is not gone, as many bytes as there are, up to that number.
    std::string read(std::size_t from, std::size_t most) const;

private:
    void move_to_file();
    bool write_to_file(std::string_view text, std::size_t position);

    std::filesystem::path directory_;
    KeptTextLimits limits_;
    UniqueFd file_; // a ring: a position's place is its remainder
    std::size_t file_begin_ = 0;
    std::size_t memory_begin_ = 0; // and where the file's text ends
    std::string memory_;
};

} // namespace ntd::machine
