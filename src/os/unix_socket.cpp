#include <ntd/os/unix_socket.h>

#include <ntd/base/error.h>
#include <ntd/base/forks.h>
#include <ntd/os/syscall.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace ntd::os {

namespace {

sockaddr_un address_of(const std::string& path) {
    if (path.size() > longest_socket_path)
        throw SystemError(ENAMETOOLONG, fmt::format("use '{}' as a socket", path));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, path.size());
    return address;
}

UniqueFd make_socket() {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd)
        throw_errno("make a socket");
    return fd;
}

} // namespace

UnixListener::UnixListener(std::string path) : path_(std::move(path)), fd_(make_socket()) {
    const auto address = address_of(path_);
    ::unlink(path_.c_str());
    if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        throw_errno("bind '{}'", path_);
    if (::listen(fd_.get(), 16) < 0)
        throw_errno("listen on '{}'", path_);
}

UnixListener::~UnixListener() {
    if (!is_fork())
        ::unlink(path_.c_str());
}

UniqueFd UnixListener::accept() {
    UniqueFd fd(retry_eintr(
        [&] { return ::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK); }));
    if (!fd)
        throw_errno("accept on '{}'", path_);
    return fd;
}

UniqueFd UnixListener::accept_ready() {
    pollfd ready{fd_.get(), POLLIN, 0};
    return ::poll(&ready, 1, 0) > 0 ? accept() : UniqueFd();
}

UniqueFd connect_unix(const std::string& path) {
    const auto address = address_of(path);
    auto fd = make_socket();
    if (retry_eintr([&] {
            return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
        }) < 0)
        throw_errno("connect to '{}'", path);
    set_nonblocking(fd.get());
    return fd;
}

} // namespace ntd::os
