#include <ntd/os/broadcast.h>

#include <ntd/base/error.h>
#include <ntd/os/syscall.h>

#include <sys/eventfd.h>

#include <algorithm>
#include <cstdint>

namespace ntd::os {

void Broadcast::notify() noexcept {
    listeners_.with([](const std::vector<int>& fds) {
        for (const int fd : fds) {
            const std::uint64_t one = 1;
            // Fails only when the counter is full: then the listener is awake anyway.
            (void)retry_eintr([&] { return ::write(fd, &one, sizeof one); });
        }
    });
}

Broadcast::Listener::Listener(Broadcast& source)
    : source_(source), event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!event_)
        throw_errno("make an eventfd");
    source_.listeners_.with([&](std::vector<int>& fds) { fds.push_back(event_.get()); });
}

Broadcast::Listener::~Listener() {
    source_.listeners_.with([&](std::vector<int>& fds) { std::erase(fds, event_.get()); });
}

void Broadcast::Listener::reset() noexcept {
    std::uint64_t count = 0;
    (void)retry_eintr([&] { return ::read(event_.get(), &count, sizeof count); });
}

} // namespace ntd::os
