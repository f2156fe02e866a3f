#include <ntd/os/wait.h>

#include <ntd/base/error.h>
#include <ntd/base/forks.h>

#include <poll.h>

#include <array>
#include <cerrno>
#include <span>

namespace ntd::os {

namespace {

constexpr std::size_t most_fds = 8; // per call

// Throws if one of the descriptors is closed: a script may close any, and poll(2) would then return
// at once, forever.
void refuse_closed(std::span<const pollfd> fds) {
    for (const auto& each : fds)
        if ((each.revents & POLLNVAL) != 0)
            throw SystemError(EBADF,
                              "wait for a file descriptor of the driver that was closed elsewhere");
}

// One poll(2), with the interrupt's descriptor as the last element of `fds`. Returns false at the
// deadline. Handles interrupts and polls again.
bool poll_until(std::span<pollfd> fds, Deadline deadline, Interrupt& interrupt) {
    refuse_forks();
    fds.back() = {interrupt.fd(), POLLIN, 0};
    for (;;) {
        const int ready = ::poll(fds.data(), fds.size(), deadline.left_ms());
        if (ready < 0 && errno != EINTR)
            throw_errno("poll");
        if (ready > 0)
            refuse_closed(fds);
        // A signal shows as a byte in the pipe or as EINTR, depending on when Python's handler ran
        // and whether a script has replaced Python's wake-up descriptor.
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

// Appends `fds` to `polled` and returns the new count, which leaves room for the interrupt.
std::size_t
add_readable(std::span<pollfd> polled, std::size_t count, std::initializer_list<int> fds) {
    for (const int fd : fds)
        polled[count++] = {fd, POLLIN, 0};
    return count;
}

} // namespace

std::optional<std::size_t>
wait_readable(std::initializer_list<int> fds, Deadline deadline, Interrupt& interrupt) {
    std::array<pollfd, most_fds + 1> polled{};
    const auto count = add_readable(polled, 0, fds);
    if (!poll_until(std::span(polled.data(), count + 1), deadline, interrupt))
        return std::nullopt;
    for (std::size_t i = 0; i < count; ++i)
        if (polled.at(i).revents != 0)
            return i;
    return std::nullopt; // not reached: poll reported a ready one
}

bool wait_writable(int fd,
                   std::initializer_list<int> ends,
                   Deadline deadline,
                   Interrupt& interrupt) {
    std::array<pollfd, most_fds + 1> polled{{{fd, POLLOUT, 0}}};
    const auto count = add_readable(polled, 1, ends);
    return poll_until(std::span(polled.data(), count + 1), deadline, interrupt) &&
           polled[0].revents != 0;
}

} // namespace ntd::os
