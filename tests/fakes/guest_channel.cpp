#include "guest_channel.h"

#include <array>
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <sys/socket.h>
#include <termios.h>

namespace fake {

namespace {

struct Ends {
    UniqueFd ours;
    UniqueFd guests;
};

Ends open_terminal() {
    UniqueFd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    ::grantpt(master.get());
    ::unlockpt(master.get());
    char name[64] = "";
    ::ptsname_r(master.get(), name, sizeof name);
    UniqueFd terminal(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!terminal)
        std::perror("fake_vm: pty");
    termios settings{};
    ::tcgetattr(terminal.get(), &settings);
    ::cfmakeraw(&settings);
    ::tcsetattr(terminal.get(), TCSANOW, &settings);
    return {std::move(master), std::move(terminal)};
}

Ends open_sockets() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) < 0)
        std::perror("fake_vm: socketpair");
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

void drain(int socket) {
    char buffer[4096];
    while (::recv(socket, buffer, sizeof buffer, MSG_DONTWAIT) > 0) {
    }
}

// Reads from one stream only when everything read before has been passed on to the other.
void add_poll(std::vector<pollfd>& polls, const Stream& stream, const Stream& other) {
    const int input = stream.wants_input() && other.is_idle() ? POLLIN : 0;
    const int output = stream.has_output() ? POLLOUT : 0;
    if (stream.is_open() && (input | output) != 0)
        polls.push_back({stream.fd(), static_cast<short>(input | output), 0});
}

void copy(Stream& from, Stream& to) {
    if (from.wants_input() && to.is_idle())
        to.send(from.receive());
    to.flush();
}

} // namespace

GuestChannel::GuestChannel(UniqueFd socket, Kind kind) : kind_(kind) {
    if (kind == Kind::direct) {
        guest_end_ = std::move(socket);
        return;
    }
    Ends ends = kind == Kind::pty ? open_terminal() : open_sockets();
    guest_end_ = std::move(ends.guests);
    host_ = Stream(std::move(socket), Stream::Pace::normal);
    guest_ = Stream(std::move(ends.ours), Stream::Pace::normal);
}

void GuestChannel::discard_input() {
    if (host_.is_open())
        drain(host_.fd());
    guest_.drop_output();
    if (kind_ == Kind::pty)
        ::tcflush(guest_end_.get(), TCIFLUSH);
    else
        drain(guest_end_.get());
}

bool GuestChannel::spoil(Fault fault) {
    host_.spoil(fault);
    if (fault == Fault::closed)
        guest_.close();
    if (fault == Fault::closed && kind_ == Kind::direct)
        ::shutdown(guest_end_.get(), SHUT_RDWR); // the guest has it, too
    return kind_ != Kind::direct || fault == Fault::closed;
}

void GuestChannel::add_polls(std::vector<pollfd>& polls) const {
    add_poll(polls, host_, guest_);
    add_poll(polls, guest_, host_);
}

void GuestChannel::relay() {
    copy(host_, guest_);
    copy(guest_, host_);
}

} // namespace fake
