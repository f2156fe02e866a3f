#pragma once

#include <ntd/base/deadline.h>
#include <ntd/base/unique_fd.h>
#include <ntd/os/interrupt.h>

#include <string>
#include <string_view>

namespace ntd::os {

// A non-blocking file descriptor whose reads and writes always end: by data, at the deadline, or
// when a second descriptor becomes readable (usually the pidfd of the peer's process).
class ByteStream {
public:
    enum class Outcome { data, closed, deadline };

    ByteStream() = default;
    explicit ByteStream(UniqueFd fd) : fd_(std::move(fd)) {}

    // Makes the descriptor non-blocking.
    static ByteStream nonblocking(UniqueFd fd);

    int fd() const { return fd_.get(); }
    explicit operator bool() const { return static_cast<bool>(fd_); }
    void close() { fd_.reset(); }
    UniqueFd take() { return std::move(fd_); }

    // Waits for data and appends it to `to`. Reads data that is there before it looks at `end`.
    Outcome read_some(std::string& to, int end, Deadline deadline, Interrupt& interrupt);

    // Appends to `to` what is there, without waiting.
    Outcome read_ready(std::string& to);

    // Writes without waiting. Returns `data` if everything was written. Returns `deadline` if the
    // peer takes no more for now; `bytes` is then the rest.
    Outcome write_ready(std::string_view& bytes);

    // Writes everything; otherwise returns the reason.
    Outcome write_all(std::string_view bytes, int end, Deadline deadline, Interrupt& interrupt);

private:
    UniqueFd fd_;
};

} // namespace ntd::os
