#pragma once

#include <ntd/base/unique_fd.h>

#include <sys/types.h>

#include <optional>
#include <string>

namespace ntd::os {

// The longest path that sockaddr_un takes, without the final NUL.
constexpr std::size_t longest_socket_path = 107;

// A listening stream socket; the file is replaced if it exists, and removed at the end.
class UnixListener {
public:
    explicit UnixListener(std::string path);
    ~UnixListener();
    UnixListener(const UnixListener&) = delete;
    UnixListener& operator=(const UnixListener&) = delete;
    UnixListener(UnixListener&&) = delete;
    UnixListener& operator=(UnixListener&&) = delete;

    int fd() const { return fd_.get(); } // readable when somebody connects
    UniqueFd accept();                   // non-blocking socket
    UniqueFd accept_ready();             // the same, or nothing if nobody has connected

private:
    std::string path_;
    UniqueFd fd_;
};

// What one of a datagram socket's senders has said. It may have ended by now.
struct Datagram {
    std::string text;
    pid_t sender = -1; // as the kernel tells it
};

// A non-blocking socket that our own user can send datagrams to; the file is removed at the end.
class UnixDatagrams {
public:
    static constexpr std::size_t longest = 4096;

    // Throws Error if the path is somebody else's; SystemError.
    explicit UnixDatagrams(std::string path);
    ~UnixDatagrams();
    UnixDatagrams(const UnixDatagrams&) = delete;
    UnixDatagrams& operator=(const UnixDatagrams&) = delete;
    UnixDatagrams(UnixDatagrams&&) = delete;
    UnixDatagrams& operator=(UnixDatagrams&&) = delete;

    const UniqueFd& fd() const { return fd_; } // readable when there is one
    const std::string& path() const { return path_; }

    // Nobody can send to it any more; another one may be made. Call it once, or leave it.
    void remove() noexcept;

    // The next one that is there. One that is too long has no text; descriptors that somebody sends
    // along are not taken.
    std::optional<Datagram> receive();

private:
    std::string path_;
    UniqueFd fd_;
    bool removed_ = false;
};

// A connected, non-blocking stream socket. Throws SystemError.
UniqueFd connect_unix(const std::string& path);

} // namespace ntd::os
