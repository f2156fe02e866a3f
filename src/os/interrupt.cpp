#include <ntd/os/interrupt.h>

#include <ntd/base/error.h>
#include <ntd/os/syscall.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace ntd::os {

void set_nonblocking(int fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        throw_errno("make descriptor {} non-blocking", fd);
}

std::size_t read_wakes(int fd, std::span<char> bytes) {
    const auto count = retry_eintr([&] { return ::read(fd, bytes.data(), bytes.size()); });
    if (count == 0 || (count < 0 && errno != EAGAIN))
        throw SystemError(EBADF, "read a file descriptor of the driver that was closed elsewhere");
    return static_cast<std::size_t>(std::max<ssize_t>(count, 0));
}

void take_wakes(int fd) {
    std::array<char, 256> bytes{};
    while (read_wakes(fd, bytes) == bytes.size()) {
    }
}

void open_standard_streams() {
    int fd = 0;
    while (fd <= STDERR_FILENO) {
        // Opens the lowest free number. NOLINTNEXTLINE(android-cloexec-open): programs inherit it
        fd = ::open("/dev/null", O_RDWR);
        if (fd < 0)
            throw_errno("open /dev/null");
    }
    ::close(fd);
}

Interrupt::Interrupt() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) < 0)
        throw_errno("make the interrupt pipe");
    read_end_.reset(ends[0]);
    write_end_.reset(ends[1]);
}

int Interrupt::fd() const {
    return std::this_thread::get_id() == owner_ ? read_end_.get() : -1;
}

void Interrupt::check() {
    take_wakes(read_end_.get());
    if (hook_)
        hook_();
}

} // namespace ntd::os
