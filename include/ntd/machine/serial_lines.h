#pragma once

#include <ntd/base/text.h>
#include <ntd/machine/console_log.h>
#include <ntd/machine/host.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace ntd::machine {

// Adds all complete lines to the log and the console. Returns their number.
std::size_t add_serial_lines(LineSplitter& lines,
                             const std::string& machine,
                             ConsoleLog& console,
                             const Host& host);

// Splits the output of a serial console into lines for the log and for waits. A line without an end
// (a prompt, a progress bar) is shown in part once it has been quiet for a moment, or when it keeps
// changing for too long. When it ends, it is logged again as a whole. Used on the I/O thread.
class SerialLines {
public:
    SerialLines(std::string machine, ConsoleLog& console, const Host& host);

    void feed(std::string_view bytes);
    void finish(); // no more output will come

private:
    void look_again();
    void show_unfinished();

    std::string machine_;
    ConsoleLog& console_;
    const Host& host_;
    LineSplitter lines_;
    bool is_waiting_ = false;              // for the unfinished line to be quiet
    Deadline quiet_ = Deadline::never();   // when the unfinished line counts as quiet
    Deadline longest_ = Deadline::never(); // when to show it even if it is not quiet
    os::EventLoop::Watch timer_;           // last: its callback uses the other members
};

} // namespace ntd::machine
