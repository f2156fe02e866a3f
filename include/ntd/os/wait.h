#pragma once

#include <ntd/base/deadline.h>
#include <ntd/os/interrupt.h>

#include <initializer_list>
#include <optional>

namespace ntd::os {

// Blocks until one of the descriptors is readable, hung up or in error, and returns the index of
// the first such; nullopt once the deadline has passed. Negative descriptors are passed over.
// Throws what the interrupt's hook throws. The calling side blocks nowhere else.
std::optional<std::size_t>
wait_readable(std::initializer_list<int> fds, Deadline deadline, Interrupt& interrupt);

// The same for writing to `fd`, ended early when one of `ends` becomes readable. True if `fd` is
// writable.
bool wait_writable(int fd,
                   std::initializer_list<int> ends,
                   Deadline deadline,
                   Interrupt& interrupt);

} // namespace ntd::os
