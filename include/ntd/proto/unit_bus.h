#pragma once

#include <optional>
#include <string>
#include <string_view>

// The language of a guest's systemd, as far as waits for units need it: D-Bus, on the socket that
// systemd itself listens on for root. There is no bus daemon in between, which a guest need not
// have, and every connection gets all signals, whether somebody has subscribed to them or not.
//
// Nothing is brought into the guest. A listener there is nc(1), and a grep(1) that lets through
// what the wait needs of all the bytes: signals that name the unit, and answers to questions for
// its state. Both sides are FIFOs, whose names begin with the listener's *place*. A look is a
// command of builtins of bash alone: it asks for the state, and waits until that is another one, by
// asking again whenever the unit is named. The listener was there before the question, so no change
// is missed.
namespace ntd::proto {

// How long a listener lives, whatever happens: it must not stay when nobody waits any more.
constexpr int seconds_of_listener = 20;

// The full name of a unit; none if it is not simply one: a pattern, a path.
std::optional<std::string> unit_id(std::string_view unit);

// "nginx.service" as the last part of a D-Bus path: "nginx_2eservice".
std::string unit_path(std::string_view id);

// The call that asks for a unit's ActiveState. Its serial number is these four characters, which
// the answer has in front.
std::string unit_state_call(std::string_view id, std::string_view serial);

// Four characters, the first two of which are nT, as the listener expects.
std::string new_serial();

// The system's socket, or that of a user's manager; a word for the shell.
std::string unit_bus(const std::optional<std::string>& user);

// The command that starts a listener; it fails where there can be none.
std::string listen_to_unit(std::string_view place, std::string_view bus, std::string_view id);

// What a look is to do.
struct UnitLook {
    std::string_view place;
    std::string_view id;
    std::string_view known;  // the state that is waited to end
    std::string_view wanted; // in which nobody needs the listener any more
    double seconds;
};

// Its output is the unit's state at its begin and at its end, as far as there were answers, and its
// status how it has ended.
enum LookEnd { looked = 0, no_listener = 3, too_many_signals = 4, was_hurried = 5 };
std::string look_at_unit(const UnitLook& look, std::string_view serial);

// For the control shell: has the look end at once.
std::string hurry_look(std::string_view place);

} // namespace ntd::proto
