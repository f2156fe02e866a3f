#pragma once

#include <ntd/machine/machine.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

// Waits for text on a machine's console.
namespace ntd::machine {

// Returns the position in the text where the match ends, if there is a match.
using ConsoleLook = std::function<std::optional<std::size_t>(const std::string& text)>;

enum class ConsoleMatch { within_lines, across_lines }; // within_lines: each line is looked at once

// Waits until `look` finds a match in the console text that earlier waits have not consumed.
// Consumes the text up to the end of the line in which the match ends. Returns false at the time
// limit. Throws MachineDied if no more text will come.
// `look` gets the whole unconsumed text, which has grown by at least one line at each call. If it
// is longer than `most` bytes, `look` gets it in pieces. A match across lines is then found if it
// is no longer than half of `most`.
bool wait_for_console(Machine& machine,
                      const ConsoleLook& look,
                      ConsoleMatch match,
                      Timeout timeout,
                      std::size_t most = ConsoleLog::window);

// Waits until the machine will write no more to its console, or until the time limit.
void wait_for_console_end(Machine& machine, Timeout timeout);

} // namespace ntd::machine
