#include "write_all.h"

#include <ntd/base/error.h>
#include <ntd/log/terminal_text.h>

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace ntd::log {

int write_all(int fd, std::string_view bytes) noexcept {
    while (!bytes.empty()) {
        const ssize_t count = ::write(fd, bytes.data(), bytes.size());
        if (count >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(count));
        } else if (errno == EAGAIN) {
            // Another process that shares our stderr may have made it non-blocking. If the reader
            // is gone, poll() returns and the next write() fails.
            pollfd ready{fd, POLLOUT, 0};
            ::poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

void say_failure(int error, std::string_view doing) noexcept {
    say(SystemError(error, doing).what());
}

} // namespace ntd::log
