#pragma once

#include <filesystem>

namespace ntd::os {

// Locks the directory of `fd` against other runs of the driver. The kernel releases the lock when
// `fd` and its duplicates are closed, however the process ends. Throws Error, with the other
// process and what to do, if another run holds the lock. Other descriptors of this process do not
// conflict.
void lock_directory(int fd, const std::filesystem::path& path);

} // namespace ntd::os
