#include "shell_channel.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <sys/socket.h>
#include <termios.h>

namespace fake {

namespace {

void make_raw(int terminal) {
    termios settings{};
    ::tcgetattr(terminal, &settings);
    ::cfmakeraw(&settings);
    ::tcsetattr(terminal, TCSANOW, &settings);
}

// Moves what can be moved now without blocking.
void pump(int from, int to, std::string& waiting) {
    if (waiting.empty()) {
        char buffer[16384];
        const ssize_t size = ::read(from, buffer, sizeof buffer);
        waiting.assign(buffer, static_cast<size_t>(std::max<ssize_t>(size, 0)));
    }
    if (waiting.empty())
        return;
    const ssize_t size = ::write(to, waiting.data(), waiting.size());
    waiting.erase(0, static_cast<size_t>(std::max<ssize_t>(size, 0)));
}

} // namespace

ShellChannel::ShellChannel(UniqueFd socket, Kind kind) : socket_(std::move(socket)) {
    if (kind == Kind::socket)
        return;
    master_.reset(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
    ::grantpt(master_.get());
    ::unlockpt(master_.get());
    char name[64] = "";
    ::ptsname_r(master_.get(), name, sizeof name);
    terminal_.reset(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!terminal_)
        std::perror("fake_vm: pty");
    make_raw(terminal_.get());
    ::fcntl(socket_.get(), F_SETFL, O_NONBLOCK);
}

void ShellChannel::discard_input() {
    char buffer[4096];
    while (::recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT) > 0) {
    }
    to_guest_.clear();
    if (terminal_)
        ::tcflush(terminal_.get(), TCIFLUSH);
}

void ShellChannel::add_polls(std::vector<pollfd>& polls) const {
    if (!terminal_)
        return;
    // One direction at a time per buffer: read only when what was read before is gone.
    const int socket_events = (to_guest_.empty() ? POLLIN : 0) | (to_host_.empty() ? 0 : POLLOUT);
    const int master_events = (to_host_.empty() ? POLLIN : 0) | (to_guest_.empty() ? 0 : POLLOUT);
    polls.push_back({socket_.get(), static_cast<short>(socket_events), 0});
    polls.push_back({master_.get(), static_cast<short>(master_events), 0});
}

void ShellChannel::relay() {
    if (!terminal_)
        return;
    pump(socket_.get(), master_.get(), to_guest_);
    pump(master_.get(), socket_.get(), to_host_);
}

} // namespace fake
