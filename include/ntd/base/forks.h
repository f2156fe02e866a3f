#pragma once

#include <atomic>

// Python code may fork: os.fork(), multiprocessing, a preexec_fn of subprocess. We call such a
// child a bystander. It has a copy of our memory and descriptors, but only the thread that forked.
// So it must not end processes or remove files that we own, and must not take our locks: a thread
// that does not exist in the child may hold them.
namespace ntd {

namespace forks {

extern std::atomic<bool> is_one;

// Descriptors owned by a UniqueFd. In a forked child each of them refers to /dev/null instead, so
// that the peer sees us close our end whatever the child does. The numbers stay in use until the
// child's copy of the owner closes them.
void own(int fd) noexcept;
void disown(int fd) noexcept;

} // namespace forks

// From now on, forks of this process become bystanders. Call it before the first thread starts.
void make_forks_bystanders();

// Throws Error in a forked child. For operations that only the driver process itself can do.
void refuse_forks();

// Whether this process is a fork of the driver. A fork must not end processes, remove files, write
// to our channels, or wait for anything.
inline bool is_fork() noexcept {
    return forks::is_one.load(std::memory_order_relaxed);
}

} // namespace ntd
