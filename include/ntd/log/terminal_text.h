#pragma once

#include <string>
#include <string_view>

namespace ntd::log {

// How the lines of one message look on a terminal.
struct LineLook {
    std::string_view first; // stands before the first line
    std::string_view rest;  // and before those after it: they are no lines of their own
    std::string_view style; // an escape sequence, or nothing
    bool colour = false;    // the message may have colours of its own
};

// Appends a message to what a terminal is to show. It may be in the words of a guest, and whoever
// reads the terminal may be a CI system that obeys some lines: control characters are shown, not
// sent (see visible()), commands are broken, and no line is without a mark that could be taken for
// a command or for one that says why the test failed. Scripts that have commands print() them.
void append_lines(std::string& to, const LineLook& look, std::string_view message);

// Writes a message to standard error in the same manner, where there is no log yet or any more.
void say(std::string_view message) noexcept;

} // namespace ntd::log
