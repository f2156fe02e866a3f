#pragma once

#include <ntd/base/deadline.h>
#include <ntd/base/unique_fd.h>
#include <ntd/os/interrupt.h>

#include <string>
#include <string_view>

namespace ntd::os {

// A non-blocking descriptor with reads and writes that end: by data, by the deadline, or by a
// second descriptor (usually "the process on the other side has ended").
class ByteStream {
public:
    enum class Outcome { data, closed, deadline };

    ByteStream() = default;
    explicit ByteStream(UniqueFd fd) : fd_(std::move(fd)) {}

    // Makes the descriptor non-blocking first.
    static ByteStream nonblocking(UniqueFd fd);

    int fd() const { return fd_.get(); }
    explicit operator bool() const { return static_cast<bool>(fd_); }
    void close() { fd_.reset(); }
    UniqueFd take() { return std::move(fd_); }

    // Appends what is there to `to`, waiting for the first byte. Data is read before `end` counts.
    Outcome read_some(std::string& to, int end, Deadline deadline, Interrupt& interrupt);

    // Appends what is there without waiting.
    Outcome read_ready(std::string& to);

    // Writes what is taken without waiting: all (data), or up to where the other side takes no more
    // for now (deadline). `bytes` is the rest then.
    Outcome write_ready(std::string_view& bytes);

    // Everything, or the reason why not.
    Outcome write_all(std::string_view bytes, int end, Deadline deadline, Interrupt& interrupt);

private:
    UniqueFd fd_;
};

} // namespace ntd::os
