#pragma once

#include <string>
#include <string_view>

namespace ntd::log {

// How to show the lines of one message on a terminal.
struct LineLook {
    std::string_view first; // prefix of the first line
    std::string_view rest;  // prefix of the further lines
    std::string_view style; // an escape sequence, or empty
    bool colour = false;    // keep colours in the message
};

// Appends a message to `to` in a form that is safe for terminals and CI systems, as it may contain
// a guest's text. Control characters are shown, not sent (see visible()). CI commands such as
// "##[error]" are broken up. A line that looks like a command or like the report of the test's
// failure always gets a prefix. Scripts that want to send commands to the CI system use print().
void append_lines(std::string& to, const LineLook& look, std::string_view message);

// Writes a message to standard error in the same form, for when there is no log.
void say(std::string_view message) noexcept;

// Says the same way that a sink has failed: `error` is an errno value.
void say_failure(int error, std::string_view doing) noexcept;

} // namespace ntd::log
