#pragma once

#include <ntd/machine/console_log.h>
#include <ntd/machine/host.h>
#include <ntd/os/byte_stream.h>

#include <string>

namespace ntd::machine {

// A pipe in place of a serial console, for machines that have none: each line that processes write
// to it counts as console output. The I/O thread reads it; the destructor reads the rest.
class SerialFeed {
public:
    SerialFeed(std::string machine, ConsoleLog& console, const Host& host);
    ~SerialFeed();
    SerialFeed(const SerialFeed&) = delete;
    SerialFeed& operator=(const SerialFeed&) = delete;
    SerialFeed(SerialFeed&&) = delete;
    SerialFeed& operator=(SerialFeed&&) = delete;

    int input() const { return input_.get(); } // for ProcessSpec

    // Reads the rest. Returns the number of lines since the start.
    std::size_t finish();

private:
    void read();

    std::string machine_;
    ConsoleLog& console_;
    const Host& host_;
    UniqueFd input_;
    os::ByteStream output_;
    LineSplitter lines_;
    std::size_t count_ = 0;
    os::EventLoop::Watch watch_; // last: its callback uses the other members
};

} // namespace ntd::machine
