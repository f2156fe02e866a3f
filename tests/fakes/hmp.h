#pragma once

#include <string>

#include "fd.h"

namespace fake {

class Machine;

// One command of the human monitor; the answer without the prompt.
std::string run_hmp_command(Machine& machine, const std::string& line);

// The monitor on its socket, with the line editor's echo: QEMU redraws the whole line with
// cursor movements for each typed character, and a driver has to find its answer in that.
class HmpMonitor {
public:
    HmpMonitor(Stream stream, bool garbage);
    Stream& stream() noexcept { return stream_; }
    const Stream& stream() const noexcept { return stream_; }
    void receive(Machine& machine); // call when the socket is readable

private:
    void type(Machine& machine, char byte);
    void redraw(size_t cursor_was);

    Stream stream_;
    std::string line_;
    bool garbage_;
};

} // namespace fake
