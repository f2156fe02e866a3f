#pragma once

#include <ntd/base/unique_fd.h>

#include <functional>
#include <thread>

namespace ntd::os {

// Lets something outside (a signal, through Python's wake-up descriptor) look into the waits of one
// thread, the one that made this object. Other threads' waits are not touched.
class Interrupt {
public:
    Interrupt();

    // A byte written here makes the owner's wait call the hook. Non-blocking; safe in a signal
    // handler. A pipe, not an eventfd: Python writes single bytes, which an eventfd refuses.
    int wake_fd() const { return write_end_.get(); }

    // Called on the owner's thread, inside its wait. What it throws ends the wait; when it returns,
    // the wait goes on.
    void set_hook(std::function<void()> hook) { hook_ = std::move(hook); }

    // What the calling thread has to watch besides its own descriptors; -1 if nothing.
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
