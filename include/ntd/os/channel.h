#pragma once

#include <ntd/base/deadline.h>
#include <ntd/os/byte_stream.h>
#include <ntd/os/interrupt.h>

#include <array>
#include <functional>
#include <string>
#include <string_view>

namespace ntd::os {

// What ends a wait for somebody on the other side of a channel: the deadline, the interrupt (which
// throws), or a descriptor that becomes readable, such as that of the other side's process. -1:
// none.
struct Ends {
    Deadline deadline;
    Interrupt& interrupt;
    std::array<int, 3> fds{-1, -1, -1};
};

// A stream on which messages go out whole. A call that ends early leaves the rest of its message to
// the next one, so that the other side never takes what comes next for a part of it.
// One caller at a time.
class Channel {
public:
    enum class Outcome {
        done,
        closed,   // by the other side
        deadline, // has passed
        ended     // one of the descriptors is readable
    };

    Channel() = default;
    explicit Channel(ByteStream stream) : stream_(std::move(stream)) {}

    int fd() const { return stream_.fd(); }
    explicit operator bool() const { return static_cast<bool>(stream_); }
    ByteStream& stream() { return stream_; }

    // Hands over what earlier calls have left, and then the message.
    Outcome send(std::string_view message, const Ends& ends);

    // The same without waiting: what is not taken at once is left.
    void post(std::string_view message) noexcept;

    // How much earlier calls have left.
    std::size_t unsent() const { return unsent_.size(); }

    // Whoever is to get the rest is there no more.
    void forget_unsent() { unsent_.clear(); }

    // Appends what comes to `to`, waiting for the first byte. What is there already is read even
    // if something has ended the wait.
    Outcome receive(std::string& to, const Ends& ends);

private:
    using Wait = std::function<Outcome()>; // until more can be written (done), or to the end
    Outcome send(std::string_view message, const Wait& wait);
    Outcome write(std::string_view& bytes, const Wait& wait);

    ByteStream stream_;
    std::string unsent_;
};

} // namespace ntd::os
