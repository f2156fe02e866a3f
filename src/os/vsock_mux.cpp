#include <ntd/os/vsock_mux.h>

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/os/byte_stream.h>
#include <ntd/os/syscall.h>
#include <ntd/os/unix_socket.h>
#include <ntd/os/wait.h>

#include <unistd.h>

namespace ntd::os {

namespace {

constexpr std::size_t longest_answer = 32; // "OK 4294967295\n" has 14 bytes

// Byte by byte: what follows the line belongs to the connection.
std::string read_line(int fd, std::array<int, 2> ends, Deadline deadline, Interrupt& interrupt) {
    std::string line;
    while (!line.ends_with('\n') && line.size() < longest_answer) {
        const auto ready = wait_readable({fd, ends[0], ends[1]}, deadline, interrupt);
        if (!ready)
            throw TimeoutError("no answer");
        if (ready != 0U)
            throw SystemError(ECONNABORTED, "wait for an answer from the guest's vsock");
        char byte = 0;
        if (retry_eintr([&] { return ::read(fd, &byte, 1); }) != 1)
            break;
        line += byte;
    }
    return line;
}

} // namespace

void read_vsock_mux_answer(int fd,
                           const std::string& what,
                           std::array<int, 2> ends,
                           Deadline deadline,
                           Interrupt& interrupt) {
    std::string answer;
    try {
        answer = read_line(fd, ends, deadline, interrupt);
    } catch (const TimeoutError&) {
        throw TimeoutError("{}: the guest did not answer in time; has it booted, and does it have "
                           "the driver of a virtio vsock?",
                           what);
    }
    if (answer.empty())
        throw SystemError(ECONNREFUSED, fmt::format("connect to {}", what));
    if (!answer.starts_with("OK ") || !answer.ends_with('\n'))
        throw ProtocolError("{}: expected 'OK', but got '{}'", what, printable(answer));
}

UniqueFd connect_vsock_mux(const std::string& path,
                           unsigned port,
                           std::array<int, 2> ends,
                           Deadline deadline,
                           Interrupt& interrupt) {
    ByteStream stream(connect_unix(path));
    const auto request = fmt::format("CONNECT {}\n", port);
    if (stream.write_all(request, ends[0], deadline, interrupt) != ByteStream::Outcome::data)
        throw SystemError(ECONNREFUSED, fmt::format("ask '{}' for vsock port {}", path, port));
    const auto what = fmt::format("vsock port {} through '{}'", port, path);
    read_vsock_mux_answer(stream.fd(), what, ends, deadline, interrupt);
    return stream.take();
}

} // namespace ntd::os
