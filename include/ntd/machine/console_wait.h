#pragma once

#include <ntd/machine/machine.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

// Waits for text on a machine's console.
namespace ntd::machine {

// Returns where in the text its find ends, if there is one.
using ConsoleLook = std::function<std::optional<std::size_t>(const std::string& text)>;

enum class ConsoleMatch { within_lines, across_lines }; // the former has each line looked at once

// Waits until `look` finds what it wants in the console's text since the last such wait: it gets
// that text, a line at least longer each time. The text is consumed to the end of the line that the
// find ends in. False after the time limit; throws MachineDied when no more will come. Of more text
// than `most` it gets one piece after the other: a match across lines is found if it has no more
// than half of that.
bool wait_for_console(Machine& machine,
                      const ConsoleLook& look,
                      ConsoleMatch match,
                      Timeout timeout,
                      std::size_t most = ConsoleLog::window);

// Until the machine will say no more, or the time limit.
void wait_for_console_end(Machine& machine, Timeout timeout);

} // namespace ntd::machine
