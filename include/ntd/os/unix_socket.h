#pragma once

#include <ntd/base/unique_fd.h>

#include <sys/types.h>

#include <optional>
#include <string>

namespace ntd::os {

// The longest path that fits into sockaddr_un, without the final NUL.
constexpr std::size_t longest_socket_path = 107;

// A listening stream socket. Replaces an existing file; the destructor removes the file.
class UnixListener {
public:
    explicit UnixListener(std::string path);
    ~UnixListener();
    UnixListener(const UnixListener&) = delete;
    UnixListener& operator=(const UnixListener&) = delete;
    UnixListener(UnixListener&&) = delete;
    UnixListener& operator=(UnixListener&&) = delete;

    int fd() const { return fd_.get(); } // readable when a client connects
    UniqueFd accept();                   // a non-blocking socket
    UniqueFd accept_ready();             // the same, or empty if no client has connected

private:
    std::string path_;
    UniqueFd fd_;
};

// A datagram and its sender, which may have ended by now.
struct Datagram {
    std::string text;
    pid_t sender = -1; // from the kernel
};

// A non-blocking datagram socket that only our own user can send to. The destructor removes the
// file.
class UnixDatagrams {
public:
    static constexpr std::size_t longest = 4096;

    // Throws Error if the path belongs to another user; SystemError.
    explicit UnixDatagrams(std::string path);
    ~UnixDatagrams();
    UnixDatagrams(const UnixDatagrams&) = delete;
    UnixDatagrams& operator=(const UnixDatagrams&) = delete;
    UnixDatagrams(UnixDatagrams&&) = delete;
    UnixDatagrams& operator=(UnixDatagrams&&) = delete;

    const UniqueFd& fd() const { return fd_; } // readable when there is a datagram
    const std::string& path() const { return path_; }

    // Removes the file, so that nobody can send to it any more and a new socket can be made there.
    // Call it at most once.
    void remove() noexcept;

    // The next datagram, if there is one. Its text is empty if it was too long. Descriptors sent
    // with it are dropped.
    std::optional<Datagram> receive();

private:
    std::string path_;
    UniqueFd fd_;
    bool removed_ = false;
};

// Connects a non-blocking stream socket. Throws SystemError.
UniqueFd connect_unix(const std::string& path);

} // namespace ntd::os
