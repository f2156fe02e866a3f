#pragma once

#include <optional>
#include <string>
#include <vector>

#include <poll.h>

#include "fault.h"
#include "fd.h"

namespace fake {

// A socket QEMU ties to a device of the guest: /dev/hvc0, or the port beside it. Normally the
// guest's bash gets the socket itself and no byte is copied. With a terminal in between (Kind::pty)
// or a second pair of sockets (Kind::relay) we copy, and can go wrong at it.
class GuestChannel {
public:
    enum class Kind { direct, pty, relay };

    GuestChannel() = default;
    GuestChannel(UniqueFd socket, Kind kind);
    bool is_open() const noexcept { return static_cast<bool>(guest_end_); }
    // What the guest reads and writes.
    int guest_end() const noexcept { return guest_end_.get(); }
    // From the guest's side; only for small texts before the shell runs.
    void print(std::string_view text) const { write_all(guest_end(), text); }
    // Drops what the guest had not read yet, as a reset does.
    void discard_input();
    // False if that takes a relay.
    bool spoil(Fault fault);
    void add_polls(std::vector<pollfd>& polls) const;
    void relay();
    std::optional<Stream::Clock::time_point> next_step() const { return host_.next_byte(); }

private:
    UniqueFd guest_end_;
    Kind kind_ = Kind::direct;
    Stream host_;  // both are only there for a relay
    Stream guest_; // our side of what the guest has
};

} // namespace fake
