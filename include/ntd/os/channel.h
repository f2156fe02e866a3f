#pragma once

#include <ntd/base/deadline.h>
#include <ntd/os/byte_stream.h>
#include <ntd/os/interrupt.h>

#include <array>
#include <functional>
#include <string>
#include <string_view>

namespace ntd::os {

// What ends a wait for the peer of a channel: the deadline, the interrupt (which throws), or a
// descriptor that becomes readable, such as the pidfd of the peer's process. -1: unused.
struct Ends {
    Deadline deadline;
    Interrupt& interrupt;
    std::array<int, 3> fds{-1, -1, -1};
};

// A stream that sends whole messages. If a call ends early, the next one sends the rest of its
// message first, so that the peer never takes a new message for part of the old one. Not
// thread-safe.
class Channel {
public:
    enum class Outcome {
        done,
        closed,   // by the peer
        deadline, // passed
        ended     // one of the descriptors is readable
    };

    Channel() = default;
    explicit Channel(ByteStream stream) : stream_(std::move(stream)) {}

    int fd() const { return stream_.fd(); }
    explicit operator bool() const { return static_cast<bool>(stream_); }
    ByteStream& stream() { return stream_; }

    // Sends what earlier calls have left, then the message.
    Outcome send(std::string_view message, const Ends& ends);

    // The same without waiting. Keeps what cannot be sent at once for the next call.
    void post(std::string_view message) noexcept;

    // The number of bytes that earlier calls have left.
    std::size_t unsent() const { return unsent_.size(); }

    // Discards what earlier calls have left, when its receiver is gone.
    void forget_unsent() { unsent_.clear(); }

    // Waits for data and appends it to `to`. Reads data that is there even if something has ended
    // the wait.
    Outcome receive(std::string& to, const Ends& ends);

private:
    using Wait = std::function<Outcome()>; // until the stream is writable (done) or the wait ends
    Outcome send(std::string_view message, const Wait& wait);
    Outcome write(std::string_view& bytes, const Wait& wait);

    ByteStream stream_;
    std::string unsent_;
};

} // namespace ntd::os
