#pragma once

#include <cerrno>
#include <cstddef>
#include <span>

namespace ntd::os {

// Repeats a system call while a signal interrupts it.
template <typename Call>
auto retry_eintr(Call call) {
    for (;;) {
        const auto result = call();
        if (result != -1 || errno != EINTR)
            return result;
    }
}

// O_CLOEXEC is the business of the call that opens; this is for the rest.
void set_nonblocking(int fd);

// Reads what has come, without waiting, at the reading end of a pipe or an eventfd by which threads
// of ours wake each other; 0: nothing.
// Throws SystemError if it is none any more: whoever closed it, a script for one, has its number
// for something else now, which would wake us again at once, and for ever.
std::size_t read_wakes(int fd, std::span<char> bytes);

// The same where it does not matter what has come.
void take_wakes(int fd);

// Makes /dev/null of standard streams that are closed, so that nothing else gets their numbers.
void open_standard_streams();

} // namespace ntd::os
