#pragma once

#include <ntd/base/deadline.h>
#include <ntd/base/guarded.h>
#include <ntd/os/broadcast.h>
#include <ntd/os/interrupt.h>

#include <atomic>
#include <string>
#include <thread>

namespace ntd::machine {

// A lock whose wait Ctrl-C can interrupt, unlike that of a mutex. A thread that holds it and asks
// again, for example in a signal handler, gets a MachineError instead of a deadlock.
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

    // For a holder that could give the turn back early: whether another thread waits for it.
    // wanted() is notified when one starts to wait.
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
