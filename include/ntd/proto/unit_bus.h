#pragma once

#include <optional>
#include <string>
#include <string_view>

// Waits for units with the guest's systemd: D-Bus messages over systemd's private socket, which it
// listens on for root. This needs no bus daemon, which a guest may lack, and every connection
// receives all signals without subscribing.
//
// Nothing is installed in the guest. A listener there is nc(1), and a grep(1) that passes only what
// the wait needs: signals that name the unit, and replies to queries for its state. Its input and
// output are FIFOs whose names begin with `place`. A look is a command made of bash builtins only.
// It queries the state and waits until the state changes; whenever a signal names the unit, it
// queries again. The listener runs before the first query, so no change is missed.
namespace ntd::proto {

// After this time a listener ends by itself, so that it does not remain when nobody waits any more.
constexpr int seconds_of_listener = 20;

// The full name of a unit ("nginx.service" for "nginx"). Nothing if it is a pattern or a path.
std::optional<std::string> unit_id(std::string_view unit);

// The unit's name as the last element of its D-Bus path: "nginx_2eservice" for "nginx.service".
std::string unit_path(std::string_view id);

// The D-Bus call that queries a unit's ActiveState. `serial` has four characters, which are the
// call's serial number and which the reply contains before the state.
std::string unit_state_call(std::string_view id, std::string_view serial);

// A new serial number: four characters, of which the first two are nT, as the listener's grep
// expects.
std::string new_serial();

// The socket of the system's systemd, or of a user's; a word for the shell.
std::string unit_bus(const std::optional<std::string>& user);

// The command that starts a listener. It fails if the guest cannot run one.
std::string listen_to_unit(std::string_view place, std::string_view bus, std::string_view id);

// Parameters of a look.
struct UnitLook {
    std::string_view place;
    std::string_view id;
    std::string_view known;  // the look ends when the state is not this
    std::string_view wanted; // in this state, the listener is ended
    double seconds;
};

// The command for a look. It prints the unit's state at its begin and at its end, if systemd
// replied. Its exit status is a LookEnd.
enum LookEnd { looked = 0, no_listener = 3, too_many_signals = 4, was_hurried = 5 };
std::string look_at_unit(const UnitLook& look, std::string_view serial);

// The command, for the control shell, that ends the look at once.
std::string hurry_look(std::string_view place);

} // namespace ntd::proto
