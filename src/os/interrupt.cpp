#include <ntd/os/interrupt.h>

#include <ntd/base/error.h>
#include <ntd/os/syscall.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>

namespace ntd::os {

void set_nonblocking(int fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        throw_errno("make descriptor {} non-blocking", fd);
}

void open_standard_streams() {
    int fd = 0;
    while (fd <= STDERR_FILENO) {
        // The lowest number that is free. NOLINTNEXTLINE(android-cloexec-open): programs inherit it
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
    std::array<char, 256> bytes{};
    while (retry_eintr([&] { return ::read(read_end_.get(), bytes.data(), bytes.size()); }) > 0) {
    }
    if (hook_)
        hook_();
}

} // namespace ntd::os
