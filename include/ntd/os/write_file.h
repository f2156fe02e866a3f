#pragma once

#include <ntd/base/unique_fd.h>

#include <filesystem>
#include <string_view>

namespace ntd::os {

// A new file. Throws like open_output(), and SystemError if the disk is full.
class OutputFile {
public:
    explicit OutputFile(std::filesystem::path path);

    int fd() const { return file_.get(); }
    void write(std::string_view bytes);
    void copy_from(int fd); // the whole content of a regular file

private:
    std::filesystem::path path_;
    UniqueFd file_;
};

// Makes a file without a name in `directory`. So no other process can write to it, and it
// disappears with ours. Returns an invalid descriptor, with errno, if that is not possible.
UniqueFd make_nameless_file(const std::filesystem::path& directory) noexcept;

} // namespace ntd::os
