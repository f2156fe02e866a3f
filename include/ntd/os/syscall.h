#pragma once

#include <cerrno>

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

// Makes /dev/null of standard streams that are closed, so that nothing else gets their numbers.
void open_standard_streams();

} // namespace ntd::os
