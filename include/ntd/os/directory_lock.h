#pragma once

#include <filesystem>

namespace ntd::os {

// Keeps other runs of the driver away from the directory that `fd` is a descriptor of, for as long
// as it or a duplicate is open; the kernel sees to that, whatever ends us. Throws Error, naming the
// process and what to do, if another run has it. Other descriptors of ours are no other run.
void lock_directory(int fd, const std::filesystem::path& path);

} // namespace ntd::os
