#pragma once

#include <string>
#include <vector>

#include <poll.h>

#include "fd.h"

namespace fake {

// The socket QEMU ties to the guest's /dev/hvc0. Normally the guest's bash gets the socket
// itself and no byte is copied. With a terminal in between (Kind::pty) we relay.
class ShellChannel {
public:
    enum class Kind { socket, pty };

    ShellChannel() = default;
    ShellChannel(UniqueFd socket, Kind kind);
    bool is_open() const noexcept { return static_cast<bool>(socket_); }
    // What the guest reads and writes.
    int guest_end() const noexcept { return terminal_ ? terminal_.get() : socket_.get(); }
    // From the guest's side; only for small texts before the shell runs.
    void print(std::string_view text) const { write_all(guest_end(), text); }
    // Drops what the guest had not read yet, as a reset does.
    void discard_input();
    void add_polls(std::vector<pollfd>& polls) const;
    void relay();

private:
    UniqueFd socket_;
    UniqueFd master_;
    UniqueFd terminal_;
    std::string to_guest_;
    std::string to_host_;
};

} // namespace fake
