#pragma once

#include <ntd/base/unique_fd.h>

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

// A connected, non-blocking stream socket. Throws SystemError.
UniqueFd connect_unix(const std::string& path);

} // namespace ntd::os
