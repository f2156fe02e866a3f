#pragma once

#include <ntd/base/unique_fd.h>

#include <filesystem>

namespace ntd::os {

// Tells when something appears in a directory, or a file in it has been written. Make it before
// looking, so that nothing is missed.
class DirectoryWatch {
public:
    explicit DirectoryWatch(const std::filesystem::path& directory); // throws SystemError

    int fd() const { return fd_.get(); } // readable once that has happened
    void reset() noexcept;               // to be told again

private:
    UniqueFd fd_;
};

} // namespace ntd::os
