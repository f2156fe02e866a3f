#pragma once

#include <ntd/base/guarded.h>
#include <ntd/base/unique_fd.h>

#include <atomic>
#include <vector>

namespace ntd::os {

// Tells all threads that wait with wait_readable() that something changed. Any thread may notify.
class Broadcast {
public:
    void notify() noexcept;

    // One waiter. Create it before looking at the state, so that no change is missed.
    class Listener {
    public:
        explicit Listener(Broadcast& source);
        ~Listener();
        Listener(const Listener&) = delete;
        Listener& operator=(const Listener&) = delete;
        Listener(Listener&&) = delete;
        Listener& operator=(Listener&&) = delete;

        int fd() const { return event_.get(); }
        void reset() noexcept; // re-arms: fd() is readable at the next notify()

    private:
        friend class Broadcast;
        Broadcast& source_;
        UniqueFd event_;
        std::atomic<bool> notified_ = false; // since the last reset()
    };

private:
    Guarded<std::vector<Listener*>> listeners_;
};

} // namespace ntd::os
