#include <ntd/base/write_all.h>

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace ntd {

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

} // namespace ntd
