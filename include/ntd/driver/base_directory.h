#pragma once

#include <ntd/os/orphan_guard.h>

#include <filesystem>
#include <string>

namespace ntd::driver {

// The directory for state directories and sockets: $XDG_RUNTIME_DIR, else $TMPDIR, $TEMP, $TMP,
// else /tmp. If its path is too long for the sockets in it, it is used through a short symbolic
// link, so that other programs can use the sockets, too. The guard removes the link at the end.
class BaseDirectory {
public:
    // Throws UsageError if it is not a writable directory.
    explicit BaseDirectory(const os::OrphanGuard& guard);

    const std::filesystem::path& path() const { return link_.empty() ? real_ : link_; }

    // A problem with the directory that does not prevent its use; or empty.
    const std::string& warning() const { return warning_; }

private:
    std::filesystem::path real_;
    std::string warning_;
    std::filesystem::path link_; // empty if not needed
};

} // namespace ntd::driver
