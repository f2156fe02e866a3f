#pragma once

#include <ntd/base/unique_fd.h>

#include <functional>
#include <thread>

namespace ntd::os {

// Lets an outside event (a signal, through Python's wake-up descriptor) interrupt the waits of the
// thread that made this object. The waits of other threads are not affected.
class Interrupt {
public:
    Interrupt();

    // A byte written here makes the owner's wait call the hook. Non-blocking; async-signal-safe. A
    // pipe, because Python writes single bytes, which an eventfd refuses.
    int wake_fd() const { return write_end_.get(); }

    // The hook runs on the owner's thread, inside its wait. An exception from it ends the wait;
    // when it returns, the wait continues.
    void set_hook(std::function<void()> hook) { hook_ = std::move(hook); }

    // The descriptor that a wait of the calling thread must watch besides its own; -1 if none.
    int fd() const;

    // Empties the pipe and runs the hook.
    void check();

private:
    UniqueFd read_end_;
    UniqueFd write_end_;
    std::thread::id owner_ = std::this_thread::get_id();
    std::function<void()> hook_;
};

} // namespace ntd::os
