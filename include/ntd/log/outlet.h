#pragma once

#include <ntd/base/unique_fd.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string_view>
#include <thread>

namespace ntd::log {

// Writes to a file descriptor on a thread of its own, because the reader may be slow or stopped
// (Ctrl-S, a pipe that nobody reads). Data that the reader has not taken waits in memory. Callers
// wait for it as long as the reader takes `pace` bytes in each `patience`. After one wait in which
// it took nothing, they do not wait again until it takes something. Data beyond `most_waiting` is
// dropped, and a line in its place says how much. A regular file has no reader and is written to
// directly; so is a pipe while it has room. Thread-safe. Does nothing in a fork.
class Outlet {
public:
    struct Limits {
        std::chrono::steady_clock::duration patience = std::chrono::seconds(2);
        std::size_t most_waiting = std::size_t{16} << 20; // bytes
        // At this pace, `most_waiting` bytes take 16 seconds.
        std::size_t pace = std::size_t{2} << 20; // bytes
    };

    explicit Outlet(int borrowed);
    Outlet(int borrowed, Limits limits);
    explicit Outlet(UniqueFd owned);
    ~Outlet(); // waits like settle(), then drops the rest
    Outlet(const Outlet&) = delete;
    Outlet& operator=(const Outlet&) = delete;
    Outlet(Outlet&&) = delete;
    Outlet& operator=(Outlet&&) = delete;

    // Does not wait. Pass whole lines, so that the note about dropped data gets a line of its own.
    void write(std::string_view bytes) noexcept;

    // Waits until all data passed to write() so far is written, except for `but_for` bytes. Returns
    // whether it is.
    bool settle(std::size_t but_for = 0) noexcept;

    // hold_nobody_up(): settle() no longer waits for the reader. wait_once_more(): it does again,
    // even after a wait in vain. At the end of the process this gives one wait for all that is
    // left.
    void hold_nobody_up() noexcept;
    void wait_once_more() noexcept;

    // The errno value of the last write; 0 if it succeeded.
    int error() const noexcept;

    // From now on writes to another descriptor, which stays the caller's. -1: to its own again.
    void redirect(int fd) noexcept;

private:
    struct State;
    explicit Outlet(std::shared_ptr<State> state);
    static void run(State& state) noexcept;

    std::shared_ptr<State> state_; // shared: the thread may outlive us in a blocked write
    std::jthread writer_;
};

} // namespace ntd::log
