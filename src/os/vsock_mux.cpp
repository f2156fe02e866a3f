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

// Byte by byte: what comes behind the line is for others.
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

UniqueFd connect_vsock_mux(const std::string& path,
                           unsigned port,
                           std::array<int, 2> ends,
                           Deadline deadline,
                           Interrupt& interrupt) {
    ByteStream stream(connect_unix(path));
    const auto request = fmt::format("CONNECT {}\n", port);
    if (stream.write_all(request, ends[0], deadline, interrupt) != ByteStream::Outcome::data)
        throw SystemError(ECONNREFUSED, fmt::format("ask '{}' for vsock port {}", path, port));
    std::string answer;
    try {
        answer = read_line(stream.fd(), ends, deadline, interrupt);
    } catch (const TimeoutError&) {
        throw TimeoutError("vsock port {} through '{}': the guest gave no answer in time; has it "
                           "booted, and does it have the driver of a virtio vsock?",
                           port, path);
    }
    if (answer.empty())
        throw SystemError(ECONNREFUSED,
                          fmt::format("connect to vsock port {} through '{}'", port, path));
    if (!answer.starts_with("OK ") || !answer.ends_with('\n'))
        throw ProtocolError("vsock port {} through '{}': expected 'OK', but got '{}'", port, path,
                            printable(answer));
    return stream.take();
}

} // namespace ntd::os
