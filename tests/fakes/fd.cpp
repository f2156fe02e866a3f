#include "fd.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace fake {

namespace {

bool fill_address(sockaddr_un& address, const std::string& path) {
    if (path.size() >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return false;
    }
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return true;
}

UniqueFd unix_socket() {
    return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

bool write_to(const std::string& path, int flags, std::string_view bytes) {
    const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0666));
    return file && write_all(file.get(), bytes);
}

constexpr size_t enough_babble = 65536;

} // namespace

Stream::Stream(UniqueFd fd, Pace pace) : fd_(std::move(fd)), pace_(pace) {
    ::fcntl(fd_.get(), F_SETFL, O_NONBLOCK);
}

bool Stream::has_output() const noexcept {
    if (!is_open() || fault_ == Fault::silent)
        return false;
    if (fault_ == Fault::slow && Clock::now() < last_byte_ + slow_pace)
        return false;
    return !is_idle() || fault_ == Fault::babbling;
}

void Stream::drop_output() noexcept {
    fresh_.clear();
    output_.clear();
}

void Stream::spoil(Fault fault) {
    fault_ = fault;
    if (fault == Fault::closed)
        close();
}

std::optional<Stream::Clock::time_point> Stream::next_byte() const {
    if (fault_ != Fault::slow || is_idle())
        return std::nullopt;
    return last_byte_ + slow_pace;
}

void Stream::take_fresh() {
    if (fault_ == Fault::half && !fresh_.empty()) {
        fresh_.resize(fresh_.size() / 2);
        cut_ = true;
    }
    output_ += fresh_;
    if (fault_ == Fault::twice)
        output_ += fresh_;
    fresh_.clear();
    while (fault_ == Fault::babbling && output_.size() < enough_babble)
        output_ += babble;
}

void Stream::flush() {
    if (!has_output())
        return;
    take_fresh();
    while (has_output()) {
        const bool whole = pace_ == Pace::normal && fault_ != Fault::slow;
        const ssize_t sent = ::write(fd_.get(), output_.data(), whole ? output_.size() : 1);
        if (sent < 0) {
            if (errno != EAGAIN && errno != EINTR)
                close();
            return;
        }
        output_.erase(0, static_cast<size_t>(sent));
        last_byte_ = Clock::now();
        if (output_.empty())
            return;
    }
}

std::string Stream::receive() {
    char buffer[65536];
    const ssize_t size = ::read(fd_.get(), buffer, sizeof buffer);
    if (size > 0)
        return std::string(buffer, static_cast<size_t>(size));
    if (size == 0 || (errno != EAGAIN && errno != EINTR))
        close();
    return {};
}

void Stream::close() noexcept {
    fd_.reset();
    drop_output();
}

UniqueFd connect_unix(const std::string& path) {
    sockaddr_un address{};
    if (!fill_address(address, path))
        return UniqueFd();
    UniqueFd socket = unix_socket();
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        return UniqueFd();
    return socket;
}

UniqueFd listen_unix(const std::string& path) {
    sockaddr_un address{};
    if (!fill_address(address, path))
        return UniqueFd();
    UniqueFd socket = unix_socket();
    ::unlink(path.c_str());
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        return UniqueFd();
    if (::listen(socket.get(), 1) < 0)
        return UniqueFd();
    return socket;
}

bool write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t size = ::write(fd, bytes.data(), bytes.size());
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return false;
        bytes.remove_prefix(static_cast<size_t>(size));
    }
    return true;
}

std::string read_file(const std::string& path) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::string text;
    char buffer[4096];
    for (ssize_t size = 0; (size = ::read(file.get(), buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<size_t>(size));
    return text;
}

bool write_file(const std::string& path, std::string_view bytes) {
    return write_to(path, O_TRUNC, bytes);
}

void append_file(const std::string& path, std::string_view bytes) {
    if (!path.empty())
        write_to(path, O_APPEND, bytes);
}

} // namespace fake
