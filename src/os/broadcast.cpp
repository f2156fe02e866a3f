#include <ntd/os/broadcast.h>

#include <ntd/base/error.h>
#include <ntd/os/syscall.h>

#include <sys/eventfd.h>

#include <algorithm>
#include <cstdint>

namespace ntd::os {

void Broadcast::notify() noexcept {
    listeners_.with([](const std::vector<Listener*>& listeners) {
        for (auto* listener : listeners) {
            if (listener->notified_.exchange(true))
                continue; // saves a system call per line of a busy console
            const std::uint64_t one = 1;
            (void)retry_eintr([&] { return ::write(listener->fd(), &one, sizeof one); });
        }
    });
}

Broadcast::Listener::Listener(Broadcast& source)
    : source_(source), event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!event_)
        throw_errno("make an eventfd");
    source_.listeners_.with([&](auto& listeners) { listeners.push_back(this); });
}

Broadcast::Listener::~Listener() {
    source_.listeners_.with([&](auto& listeners) { std::erase(listeners, this); });
}

void Broadcast::Listener::reset() noexcept {
    take_wakes(event_.get());
    notified_ = false; // last: callers look at the state after reset()
}

} // namespace ntd::os
