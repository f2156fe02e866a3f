#include <ntd/os/wait.h>

#include <ntd/base/error.h>
#include <ntd/base/forks.h>

#include <poll.h>

#include <array>
#include <cerrno>
#include <span>

namespace ntd::os {

namespace {

// One poll(2) with the interrupt's descriptor in the last place of `fds`. Returns false at the
// deadline; interruptions are dealt with and end in a new poll.
bool poll_until(std::span<pollfd> fds, Deadline deadline, Interrupt& interrupt) {
    refuse_forks();
    fds.back() = {interrupt.fd(), POLLIN, 0};
    for (;;) {
        const int ready = ::poll(fds.data(), fds.size(), deadline.left_ms());
        if (ready < 0 && errno != EINTR)
            throw_errno("poll");
        // A signal comes as a byte or as an interruption, as Python's handler and its wake-up
        // descriptor (which a script may have replaced) happen to work.
        if ((ready < 0 && interrupt.fd() >= 0) || (ready > 0 && fds.back().revents != 0)) {
            interrupt.check();
            continue;
        }
        if (ready > 0)
            return true;
        if (deadline.passed())
            return false;
    }
}

} // namespace

std::optional<std::size_t>
wait_readable(std::initializer_list<int> fds, Deadline deadline, Interrupt& interrupt) {
    std::array<pollfd, 8> polled{};
    std::size_t count = 0;
    for (const int fd : fds)
        polled.at(count++) = {fd, POLLIN, 0};
    if (!poll_until(std::span(polled.data(), count + 1), deadline, interrupt))
        return std::nullopt;
    for (std::size_t i = 0; i < count; ++i)
        if (polled.at(i).revents != 0)
            return i;
    return std::nullopt; // not reached: poll said that one is ready
}

bool wait_writable(int fd, int end, Deadline deadline, Interrupt& interrupt) {
    std::array<pollfd, 3> polled{{{fd, POLLOUT, 0}, {end, POLLIN, 0}, {}}};
    return poll_until(polled, deadline, interrupt) && polled[0].revents != 0;
}

} // namespace ntd::os
