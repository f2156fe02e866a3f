#pragma once

#include <optional>
#include <string>
#include <vector>

#include <poll.h>

#include "fault.h"
#include "fd.h"

namespace fake {

// A socket that QEMU connects to a device of the guest: /dev/hvc0, or the port. Normally the
// guest's bash gets the socket itself. With a terminal in between (Kind::pty) or a second socket
// pair (Kind::relay) we copy the bytes, and can inject faults.
class GuestChannel {
public:
    enum class Kind { direct, pty, relay };

    GuestChannel() = default;
    GuestChannel(UniqueFd socket, Kind kind);
    bool is_open() const noexcept { return static_cast<bool>(guest_end_); }
    // The descriptor that the guest reads and writes.
    int guest_end() const noexcept { return guest_end_.get(); }
    // Prints from the guest's side. Only for short texts before the shell runs.
    void print(std::string_view text) const { write_all(guest_end(), text); }
    // Drops what the guest has not read yet, as a reset does.
    void discard_input();
    // Returns false if the fault needs a relay.
    bool spoil(Fault fault);
    void add_polls(std::vector<pollfd>& polls) const;
    void relay();
    std::optional<Stream::Clock::time_point> next_step() const { return host_.next_byte(); }

private:
    UniqueFd guest_end_;
    Kind kind_ = Kind::direct;
    Stream host_;  // both only with a relay
    Stream guest_; // our end of the guest's descriptor
};

} // namespace fake
