#include <ntd/machine/serial_feed.h>

#include <ntd/base/error.h>
#include <ntd/machine/serial_lines.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>

namespace ntd::machine {

SerialFeed::SerialFeed(std::string machine, ConsoleLog& console, const Host& host)
    : machine_(std::move(machine)), console_(console), host_(host) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) < 0)
        throw_errno("make a pipe");
    input_.reset(ends[1]);
    output_ = os::ByteStream::nonblocking(UniqueFd(ends[0]));
    watch_ = host_.loop.watch(output_.fd(), [this] {
        read();
        return true;
    });
}

SerialFeed::~SerialFeed() {
    finish();
}

std::size_t SerialFeed::finish() {
    watch_.reset();
    read();
    return count_;
}

void SerialFeed::read() {
    std::string bytes;
    output_.read_ready(bytes);
    lines_.feed(bytes);
    count_ += add_serial_lines(lines_, machine_, console_, host_);
    host_.log.drain();
}

} // namespace ntd::machine
