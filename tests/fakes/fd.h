#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <unistd.h>

#include "fault.h"

namespace fake {

class UniqueFd { // sole owner of one descriptor; -1 is empty
public:
    explicit UniqueFd(int fd = -1) noexcept : fd_(fd) {}
    ~UniqueFd() { reset(); }
    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;
    UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        reset(other.release());
        return *this;
    }
    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    int release() noexcept { return std::exchange(fd_, -1); }
    void reset(int fd = -1) noexcept {
        if (int old = std::exchange(fd_, fd); old >= 0)
            ::close(old);
    }

private:
    int fd_;
};

// A non-blocking socket with a queue of bytes to send: a peer that does not read must not stop
// the other monitors.
class Stream {
public:
    enum class Pace { normal, one_byte_at_a_time };
    using Clock = std::chrono::steady_clock;

    Stream() = default;
    Stream(UniqueFd fd, Pace pace);
    int fd() const noexcept { return fd_.get(); }
    bool is_open() const noexcept { return static_cast<bool>(fd_); }
    // Whether there is data that may be sent now.
    bool has_output() const noexcept;
    bool is_idle() const noexcept { return output_.empty() && fresh_.empty(); }
    bool wants_input() const noexcept { return is_open() && fault_ != Fault::silent; }
    void send(std::string_view bytes) {
        if (is_open() && !cut_)
            fresh_ += bytes;
    }
    void drop_output() noexcept;
    // The fault from now on.
    void spoil(Fault fault);
    // For a slow stream: the time of the next byte.
    std::optional<Clock::time_point> next_byte() const;
    // Sends what the peer takes now. An error closes the stream.
    void flush();
    // The received data, possibly empty. End of file closes the stream.
    std::string receive();
    void close() noexcept;

private:
    void take_fresh();

    UniqueFd fd_;
    std::string fresh_; // since the last flush(): one answer, or several
    std::string output_;
    Pace pace_ = Pace::normal;
    Fault fault_ = Fault::none;
    bool cut_ = false; // half of the last answer has been sent
    Clock::time_point last_byte_;
};

// Both return an empty descriptor with errno set on failure.
UniqueFd connect_unix(const std::string& path);
UniqueFd listen_unix(const std::string& path);

// For small files and the guest's channel. Blocks until everything is written or an error occurs.
bool write_all(int fd, std::string_view bytes);
std::string read_file(const std::string& path);
bool write_file(const std::string& path, std::string_view bytes);
void append_file(const std::string& path, std::string_view bytes);

} // namespace fake
