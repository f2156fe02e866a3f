#pragma once

#include <ntd/base/unique_fd.h>

#include <filesystem>

namespace ntd::os {

// Notifies when a file appears in a directory or a file in it has been written. Create it before
// looking, so that nothing is missed.
class DirectoryWatch {
public:
    explicit DirectoryWatch(const std::filesystem::path& directory); // throws SystemError

    int fd() const { return fd_.get(); } // readable once that has happened
    void reset() noexcept;               // re-arms it

private:
    UniqueFd fd_;
};

} // namespace ntd::os
