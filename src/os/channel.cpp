#include <ntd/os/channel.h>

#include <ntd/base/error.h>
#include <ntd/os/wait.h>

namespace ntd::os {

Channel::Outcome Channel::send(std::string_view message, const Ends& ends) {
    return send(message, [&] {
        const auto& [deadline, interrupt, fds] = ends;
        const bool writable =
            wait_writable(stream_.fd(), {fds[0], fds[1], fds[2]}, deadline, interrupt);
        if (deadline.passed()) // also if the peer takes a little at a time
            return Outcome::deadline;
        return writable ? Outcome::done : Outcome::ended;
    });
}

void Channel::post(std::string_view message) noexcept {
    try {
        send(message, [] { return Outcome::deadline; });
    } catch (const Error&) { // the wait for the answer reports it
    }
}

Channel::Outcome Channel::send(std::string_view message, const Wait& wait) {
    std::string_view rest = unsent_;
    const auto keep_unsent = [&] {
        unsent_.erase(0, unsent_.size() - rest.size());
        unsent_ += message;
    };
    try {
        auto outcome = write(rest, wait);
        if (outcome == Outcome::done)
            outcome = write(message, wait);
        keep_unsent();
        return outcome;
    } catch (...) { // an interrupt
        keep_unsent();
        throw;
    }
}

Channel::Outcome Channel::write(std::string_view& bytes, const Wait& wait) {
    for (;;) {
        const auto outcome = stream_.write_ready(bytes);
        if (outcome == ByteStream::Outcome::data)
            return Outcome::done;
        if (outcome == ByteStream::Outcome::closed)
            return Outcome::closed;
        if (const auto end = wait(); end != Outcome::done)
            return end;
    }
}

Channel::Outcome Channel::receive(std::string& to, const Ends& ends) {
    const auto& [deadline, interrupt, fds] = ends;
    const auto ready = wait_readable({stream_.fd(), fds[0], fds[1], fds[2]}, deadline, interrupt);
    switch (stream_.read_ready(to)) {
    case ByteStream::Outcome::data:
        return Outcome::done;
    case ByteStream::Outcome::closed:
        return Outcome::closed;
    case ByteStream::Outcome::deadline:
        break;
    }
    return ready ? Outcome::ended : Outcome::deadline;
}

} // namespace ntd::os
