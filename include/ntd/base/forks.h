#pragma once

#include <atomic>

// Python code may fork: os.fork(), multiprocessing, a preexec_fn of subprocess. Such a fork is a
// bystander. It has a copy of all that is ours, and of our threads only the one that forked: what
// we own is not its to end, and a lock of ours may be held by a thread that it does not have.
namespace ntd {

namespace forks {

extern std::atomic<bool> is_one;

// Descriptors with an owner, see UniqueFd. A fork gets /dev/null in place of each: their other ends
// see our end whatever the fork does, and their numbers stay taken until the copy of their owner
// closes them.
void own(int fd) noexcept;
void disown(int fd) noexcept;

} // namespace forks

// From now on forks of this process are bystanders. Before the first thread is started.
void make_forks_bystanders();

// Throws Error in a fork: for what only the process itself can do.
void refuse_forks();

// Whether this process is one. Then nothing is ended, removed or written, and nobody is waited for.
inline bool is_fork() noexcept {
    return forks::is_one.load(std::memory_order_relaxed);
}

} // namespace ntd
