#pragma once

#include <ntd/base/forks.h>

#include <unistd.h>

#include <utility>

namespace ntd {

// Sole owner of one file descriptor; -1 is empty.
class UniqueFd {
public:
    UniqueFd() noexcept = default;
    explicit UniqueFd(int fd) noexcept : fd_(fd) { forks::own(fd); }
    ~UniqueFd() { reset(); }
    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;
    UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        reset(other.release());
        return *this;
    }

    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    int release() noexcept {
        forks::disown(fd_);
        return std::exchange(fd_, -1);
    }
    void reset(int fd = -1) noexcept {
        const int old = std::exchange(fd_, fd);
        if (old >= 0) {
            forks::disown(old);
            ::close(old);
        }
        forks::own(fd_);
    }

private:
    int fd_ = -1;
};

} // namespace ntd
