#include <ntd/machine/turn.h>

#include <ntd/base/error.h>
#include <ntd/base/scope_exit.h>
#include <ntd/machine/wait_limit.h>
#include <ntd/os/wait.h>

namespace ntd::machine {

Turn::Holder Turn::take(Deadline deadline, os::Interrupt& interrupt) {
    if (try_take())
        return Holder(*this);
    os::Broadcast::Listener freed(freed_);
    ++waiting_;
    const ScopeExit no_more([&] { --waiting_; });
    wanted_.notify();
    while (!try_take()) {
        if (!os::wait_readable({freed.fd()}, deadline, interrupt))
            throw_timed_out("{} was in use by another thread until the time-out", what_);
        freed.reset();
    }
    return Holder(*this);
}

bool Turn::try_take() {
    const auto self = std::this_thread::get_id();
    return holder_.with([&](std::thread::id& holder) {
        if (holder == self)
            throw MachineError("{} is in use by this very thread (a call from inside another call, "
                               "as in a signal handler)",
                               what_);
        if (holder != std::thread::id())
            return false;
        holder = self;
        return true;
    });
}

void Turn::give_back() noexcept {
    holder_.with([](std::thread::id& holder) { holder = {}; });
    freed_.notify();
}

} // namespace ntd::machine
