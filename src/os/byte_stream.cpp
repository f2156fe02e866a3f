#include <ntd/os/byte_stream.h>

#include <ntd/base/error.h>
#include <ntd/os/syscall.h>
#include <ntd/os/wait.h>

#include <unistd.h>

#include <cerrno>
#include <memory>

namespace ntd::os {

namespace {

constexpr std::size_t chunk = std::size_t{256} * 1024; // a socket's buffer is not larger

bool is_gone(int error) {
    return error == ECONNRESET || error == EPIPE || error == EIO || error == ENOTCONN;
}

} // namespace

ByteStream ByteStream::nonblocking(UniqueFd fd) {
    set_nonblocking(fd.get());
    return ByteStream(std::move(fd));
}

ByteStream::Outcome ByteStream::read_ready(std::string& to) {
    // A separate buffer: space in `to` would have to be filled with zeros first.
    thread_local const auto buffer = std::make_unique_for_overwrite<char[]>(chunk);
    const auto count = retry_eintr([&] { return ::read(fd_.get(), buffer.get(), chunk); });
    if (count > 0) {
        to.append(buffer.get(), static_cast<std::size_t>(count));
        return Outcome::data;
    }
    if (count == 0 || is_gone(errno))
        return Outcome::closed;
    if (errno == EAGAIN)
        return Outcome::deadline;
    throw_errno("read from a stream");
}

ByteStream::Outcome
ByteStream::read_some(std::string& to, int end, Deadline deadline, Interrupt& interrupt) {
    for (;;) {
        const auto ready = wait_readable({fd_.get(), end}, deadline, interrupt);
        if (!ready)
            return Outcome::deadline;
        const auto outcome = read_ready(to);
        if (outcome != Outcome::deadline)
            return outcome;
        if (*ready == 1)
            return Outcome::closed;
    }
}

ByteStream::Outcome ByteStream::write_ready(std::string_view& bytes) {
    while (!bytes.empty()) {
        const auto count =
            retry_eintr([&] { return ::write(fd_.get(), bytes.data(), bytes.size()); });
        if (count >= 0)
            bytes.remove_prefix(static_cast<std::size_t>(count));
        else if (is_gone(errno))
            return Outcome::closed;
        else if (errno == EAGAIN)
            return Outcome::deadline;
        else
            throw_errno("write to a stream");
    }
    return Outcome::data;
}

ByteStream::Outcome
ByteStream::write_all(std::string_view bytes, int end, Deadline deadline, Interrupt& interrupt) {
    for (;;) {
        const auto outcome = write_ready(bytes);
        if (outcome != Outcome::deadline)
            return outcome;
        if (!wait_writable(fd_.get(), {end}, deadline, interrupt))
            return deadline.passed() ? Outcome::deadline : Outcome::closed;
    }
}

} // namespace ntd::os
