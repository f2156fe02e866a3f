#pragma once

#include <ntd/base/deadline.h>
#include <ntd/base/unique_fd.h>
#include <ntd/os/byte_stream.h>
#include <ntd/os/interrupt.h>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

namespace ntd::os {

// For events that must happen: ends a test that would hang.
inline Deadline soon() {
    return Deadline::after(std::chrono::seconds(30));
}

// For events that must not happen.
inline Deadline at_once() {
    return Deadline::after(std::chrono::milliseconds(5));
}

struct Pipe {
    Pipe() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
        out.reset(ends[0]);
        in.reset(ends[1]);
    }

    void write(std::string_view bytes) const {
        EXPECT_EQ(::write(in.get(), bytes.data(), bytes.size()),
                  static_cast<ssize_t>(bytes.size()));
    }

    UniqueFd out;
    UniqueFd in;
};

struct SocketPair {
    SocketPair() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()),
                  0);
        ours.reset(ends[0]);
        theirs.reset(ends[1]);
    }

    UniqueFd ours;
    UniqueFd theirs;
};

inline bool is_readable(int fd) {
    pollfd polled{fd, POLLIN, 0};
    return ::poll(&polled, 1, 0) == 1;
}

inline bool becomes_readable(int fd) {
    pollfd polled{fd, POLLIN, 0};
    return ::poll(&polled, 1, soon().left_ms()) == 1;
}

// Reads until the other end is closed.
inline std::string read_all(int fd) {
    std::string text;
    std::array<char, 4096> bytes{};
    while (becomes_readable(fd)) {
        const auto count = ::read(fd, bytes.data(), bytes.size());
        if (count <= 0)
            return text;
        text.append(bytes.data(), static_cast<std::size_t>(count));
    }
    ADD_FAILURE() << "no end, but so far: " << text;
    return text;
}

inline std::string read_line(int fd) {
    std::string line;
    char byte = 0;
    while (becomes_readable(fd) && ::read(fd, &byte, 1) == 1 && byte != '\n')
        line += byte;
    return line;
}

// A temporary directory of the test.
class ScratchDir {
public:
    ScratchDir() {
        std::string pattern = std::filesystem::path(testing::TempDir()) / "ntd-os-XXXXXX";
        EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
        path_ = pattern;
    }
    ~ScratchDir() {
        std::error_code ignored; // a directory left behind must not hide the test's result
        std::filesystem::remove_all(path_, ignored);
    }
    ScratchDir(const ScratchDir&) = delete;
    ScratchDir& operator=(const ScratchDir&) = delete;
    ScratchDir(ScratchDir&&) = delete;
    ScratchDir& operator=(ScratchDir&&) = delete;

    std::string file(std::string_view name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

} // namespace ntd::os
