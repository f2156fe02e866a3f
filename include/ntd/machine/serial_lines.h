#pragma once

#include <ntd/base/text.h>
#include <ntd/machine/console_log.h>
#include <ntd/machine/host.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace ntd::machine {

// Puts the whole lines that came together into the log and the console. How many there were.
std::size_t add_serial_lines(LineSplitter& lines,
                             const std::string& machine,
                             ConsoleLog& console,
                             const Host& host);

// What a serial console says, in lines, for the log and for waits. A line without an end (a prompt,
// a bar of progress) is shown as far as it goes once it has been quiet for a moment, or has changed
// for some; at its end it is in the log once more, as a whole. On the I/O thread.
class SerialLines {
public:
    SerialLines(std::string machine, ConsoleLog& console, const Host& host);

    void feed(std::string_view bytes);
    void finish(); // no more will come

private:
    void look_again();
    void show_unfinished();

    std::string machine_;
    ConsoleLog& console_;
    const Host& host_;
    LineSplitter lines_;
    bool is_waiting_ = false;              // for quiet
    Deadline quiet_ = Deadline::never();   // the unfinished line is, if nothing comes until then
    Deadline longest_ = Deadline::never(); // that is waited for quiet
    os::EventLoop::Watch timer_;           // last: its callback uses the rest
};

} // namespace ntd::machine
