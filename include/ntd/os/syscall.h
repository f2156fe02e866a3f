#pragma once

#include <cerrno>
#include <cstddef>
#include <span>

namespace ntd::os {

// Repeats a system call as long as it fails with EINTR.
template <typename Call>
auto retry_eintr(Call call) {
    for (;;) {
        const auto result = call();
        if (result != -1 || errno != EINTR)
            return result;
    }
}

// Makes `fd` non-blocking.
void set_nonblocking(int fd);

// Reads from a pipe or eventfd with which our threads wake each other, without waiting. Returns the
// number of bytes, 0 if there are none. Throws SystemError if `fd` is no longer such a descriptor:
// a script may have closed it and its number may be in use for another file. A wait on that would
// return at once, forever.
std::size_t read_wakes(int fd, std::span<char> bytes);

// The same, if the bytes do not matter.
void take_wakes(int fd);

// Opens /dev/null for closed standard streams, so that no other file gets their numbers.
void open_standard_streams();

} // namespace ntd::os
