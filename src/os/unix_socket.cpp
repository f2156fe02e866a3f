#include <ntd/os/unix_socket.h>

#include <ntd/base/error.h>
#include <ntd/base/forks.h>
#include <ntd/os/private_directory.h>
#include <ntd/os/syscall.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cstring>
#include <utility>

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

UniqueFd make_socket(int type = SOCK_STREAM) {
    UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    if (!fd)
        throw_errno("make a socket");
    return fd;
}

void bind_to(const UniqueFd& fd, const std::string& path) {
    const auto address = address_of(path);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        throw_errno("bind '{}'", path);
}

} // namespace

UnixListener::UnixListener(std::string path) : path_(std::move(path)), fd_(make_socket()) {
    ::unlink(path_.c_str());
    bind_to(fd_, path_);
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

// bind(2) gives the file the mode of the socket.
UnixDatagrams::UnixDatagrams(std::string path)
    : path_(std::move(path)), fd_(make_socket(SOCK_DGRAM | SOCK_NONBLOCK)) {
    constexpr int yes = 1;
    remove_private(path_);
    if (::fchmod(fd_.get(), S_IRUSR | S_IWUSR) < 0 ||
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) < 0)
        throw_errno("prepare the socket '{}'", path_);
    bind_to(fd_, path_);
}

UnixDatagrams::~UnixDatagrams() {
    remove();
}

void UnixDatagrams::remove() noexcept {
    if (!std::exchange(removed_, true) && !is_fork())
        ::unlink(path_.c_str());
}

// The control buffer has room for the sender's credentials only, so the kernel drops descriptors.
std::optional<Datagram> UnixDatagrams::receive() {
    std::array<char, longest> text{};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> control{};
    iovec place{text.data(), text.size()};
    msghdr message{};
    message.msg_iov = &place;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const auto size = retry_eintr([&] { return ::recvmsg(fd_.get(), &message, MSG_CMSG_CLOEXEC); });
    if (size < 0)
        return std::nullopt;
    Datagram datagram;
    if ((message.msg_flags & MSG_TRUNC) == 0)
        datagram.text.assign(text.data(), static_cast<std::size_t>(size));
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header != nullptr && header->cmsg_type == SCM_CREDENTIALS) {
        ucred sender{};
        std::memcpy(&sender, CMSG_DATA(header), sizeof sender);
        datagram.sender = sender.pid;
    }
    return datagram;
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
