#pragma once

#include <ntd/base/deadline.h>
#include <ntd/base/guarded.h>
#include <ntd/os/broadcast.h>
#include <ntd/os/interrupt.h>

#include <atomic>
#include <string>
#include <thread>

namespace ntd::machine {

// One user at a time, in a wait that Ctrl-C can end (a mutex's could not). A thread that has its
// turn and asks again, as from a signal handler, gets a MachineError instead of a deadlock.
class Turn {
public:
    explicit Turn(std::string what) : what_(std::move(what)) {}

    class [[nodiscard]] Holder {
    public:
        explicit Holder(Turn& turn) : turn_(turn) {}
        ~Holder() { turn_.give_back(); }
        Holder(const Holder&) = delete;
        Holder& operator=(const Holder&) = delete;
        Holder(Holder&&) = delete;
        Holder& operator=(Holder&&) = delete;

    private:
        Turn& turn_;
    };

    // Throws TimeoutError.
    Holder take(Deadline deadline, os::Interrupt& interrupt);

    // For who has the turn and could do without: whether somebody waits for it, and when one
    // begins.
    bool is_wanted() const { return waiting_ > 0; }
    os::Broadcast& wanted() { return wanted_; }

private:
    bool try_take();
    void give_back() noexcept;

    std::string what_;                // for messages: "the shell of machine 'web'"
    Guarded<std::thread::id> holder_; // no thread: free
    os::Broadcast freed_;
    std::atomic<int> waiting_ = 0;
    os::Broadcast wanted_;
};

} // namespace ntd::machine
