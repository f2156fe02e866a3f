#pragma once

#include <ntd/os/orphan_guard.h>

#include <filesystem>
#include <string>

namespace ntd::driver {

// Where state directories and sockets live: $XDG_RUNTIME_DIR, else $TMPDIR, $TEMP, $TMP, else /tmp.
// A directory whose path is too long for the sockets in it is reached through a short symbolic
// link, which the guard removes at the end: programs that are told of a socket can then use it as
// it is.
class BaseDirectory {
public:
    // Throws UsageError if it is no directory that we can write to.
    explicit BaseDirectory(const os::OrphanGuard& guard);

    const std::filesystem::path& path() const { return link_.empty() ? real_ : link_; }

    // What is wrong with it, although it can be used; or empty.
    const std::string& warning() const { return warning_; }

private:
    std::filesystem::path real_;
    std::string warning_;
    std::filesystem::path link_; // empty: not needed
};

} // namespace ntd::driver
