#pragma once

#include <ntd/base/deadline.h>
#include <ntd/os/interrupt.h>

#include <initializer_list>
#include <optional>

namespace ntd::os {

// Blocks until one of the descriptors is readable, hung up or in error, and returns the index of
// the first such; nullopt once the deadline has passed. Negative descriptors are ignored. Throws
// what the interrupt's hook throws. Script threads block nowhere else.
std::optional<std::size_t>
wait_readable(std::initializer_list<int> fds, Deadline deadline, Interrupt& interrupt);

// Waits until `fd` is writable, or until one of `ends` becomes readable or the deadline passes.
// Returns whether `fd` is writable.
bool wait_writable(int fd,
                   std::initializer_list<int> ends,
                   Deadline deadline,
                   Interrupt& interrupt);

} // namespace ntd::os
