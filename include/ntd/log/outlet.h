#pragma once

#include <ntd/base/unique_fd.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string_view>
#include <thread>

namespace ntd::log {

// Writes to a descriptor on a thread of its own. Whoever reads there may be slow, or have stopped
// (Ctrl-S, a pipe that nobody reads): then what is written waits in memory, and nobody waits for
// the reader longer than `patience`, nor again before it has taken something. What is beyond
// `most_waiting` is left out, and a line in its place says how much. A regular file, which has no
// reader, is written to at once, and so is a pipe as long as it has room. Usable from any thread;
// in a fork it does nothing.
class Outlet {
public:
    struct Limits {
        std::chrono::steady_clock::duration patience = std::chrono::seconds(2);
        std::size_t most_waiting = std::size_t{16} << 20; // bytes
    };

    explicit Outlet(int borrowed);
    Outlet(int borrowed, Limits limits);
    explicit Outlet(UniqueFd owned);
    ~Outlet(); // waits as settle() does; what is left then is not written
    Outlet(const Outlet&) = delete;
    Outlet& operator=(const Outlet&) = delete;
    Outlet(Outlet&&) = delete;
    Outlet& operator=(Outlet&&) = delete;

    // Does not wait. Whole lines, if the note of what is left out is to be one.
    void write(std::string_view bytes) noexcept;

    // Waits until all that was given to write() before is out, but for so many bytes of it. Returns
    // whether it is.
    bool settle(std::size_t but_for = 0) noexcept;

    // Nobody waits for the reader from now on: at the end there is one wait for all that is left.
    // (By itself nobody waits after somebody has in vain, until the reader takes something.)
    void hold_nobody_up() noexcept;
    void wait_once_more() noexcept;

    // Why the last write failed, an errno value; 0 if it did not.
    int error() const noexcept;

    // Writes to another descriptor, which it borrows, from now on; -1 is its own.
    void redirect(int fd) noexcept;

private:
    struct State;
    explicit Outlet(std::shared_ptr<State> state);
    static void run(State& state) noexcept;

    std::shared_ptr<State> state_; // the thread has it, too: it may be left behind in a write
    std::jthread writer_;
};

} // namespace ntd::log
