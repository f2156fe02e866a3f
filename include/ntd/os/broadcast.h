#pragma once

#include <ntd/base/guarded.h>
#include <ntd/base/unique_fd.h>

#include <atomic>
#include <vector>

namespace ntd::os {

// "Something changed", told by any thread to every thread that waits for it with wait_readable().
class Broadcast {
public:
    void notify() noexcept;

    // One waiter. Make it before looking at the state, so that no change falls in between.
    class Listener {
    public:
        explicit Listener(Broadcast& source);
        ~Listener();
        Listener(const Listener&) = delete;
        Listener& operator=(const Listener&) = delete;
        Listener(Listener&&) = delete;
        Listener& operator=(Listener&&) = delete;

        int fd() const { return event_.get(); }
        void reset() noexcept; // to be notified again

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
