#pragma once

#include <ntd/machine/console_log.h>
#include <ntd/machine/host.h>
#include <ntd/os/byte_stream.h>

#include <string>

namespace ntd::machine {

// A pipe: what processes write to it is, line by line, what a machine's serial console says, for
// machines that have no such device. Read by the I/O thread; the destructor reads what is left.
class SerialFeed {
public:
    SerialFeed(std::string machine, ConsoleLog& console, const Host& host);
    ~SerialFeed();
    SerialFeed(const SerialFeed&) = delete;
    SerialFeed& operator=(const SerialFeed&) = delete;
    SerialFeed(SerialFeed&&) = delete;
    SerialFeed& operator=(SerialFeed&&) = delete;

    int input() const { return input_.get(); } // for ProcessSpec

    // Reads what is there, for the last time. How many lines there were from the begin.
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
    os::EventLoop::Watch watch_; // last: its callback uses the rest
};

} // namespace ntd::machine
