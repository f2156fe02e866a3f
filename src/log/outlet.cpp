#include <ntd/log/outlet.h>

#include <ntd/base/forks.h>
#include <ntd/base/signals.h>
#include <ntd/base/write_all.h>
#include <ntd/trace/trace.h>

#include <sys/stat.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>
#include <utility>

namespace ntd::log {

namespace {

// Small, so that progress with a slow reader is seen: a write returns only when all of it is taken.
// Also, writes of this size to a pipe are atomic. So if the descriptor is closed and its number
// reused during a write, the write does not continue in the new file.
constexpr std::size_t piece = PIPE_BUF;

bool is_regular(int fd) {
    struct stat status {};
    return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

// Writes to a pipe as much as it has room for and returns how much that was. Returns 0 if the
// descriptor or the kernel does not support RWF_NOWAIT, or on an error: the writer's own write then
// reports that.
std::size_t write_what_fits(int fd, std::string_view bytes) noexcept {
#ifdef RWF_NOWAIT
    const iovec all{const_cast<char*>(bytes.data()), bytes.size()};
    const ssize_t count = ::pwritev2(fd, &all, 1, -1, RWF_NOWAIT);
    return count > 0 ? static_cast<std::size_t>(count) : 0;
#else
    static_cast<void>(fd);
    static_cast<void>(bytes);
    return 0;
#endif
}

} // namespace

struct Outlet::State {
    explicit State(int fd, Limits its_limits)
        : own_fd(fd), is_file(is_regular(fd)), limits(its_limits) {}
    explicit State(UniqueFd fd)
        : owned(std::move(fd)), own_fd(owned.get()), is_file(is_regular(own_fd)) {}

    std::string_view write_at_once(std::string_view bytes) noexcept; // returns what is left
    void append(std::string_view bytes) noexcept;
    void leave_out(std::string_view bytes) noexcept;
    void note_what_is_left_out() noexcept;
    void count(int fd, int error, std::size_t size) noexcept;

    const UniqueFd owned; // empty if the caller owns it
    const int own_fd;
    const bool is_file; // a regular file: no reader to wait for
    const Limits limits;

    std::mutex mutex; // guards the members below; callers of the functions above hold it
    std::condition_variable to_write;
    std::condition_variable progress;
    int redirected_to = -1;
    std::string queue;         // not yet taken by the writer
    std::uint64_t written = 0; // bytes written in total
    std::uint64_t given = 0;   // bytes accepted in total
    std::size_t lines_left_out = 0;
    std::size_t bytes_left_out = 0;
    int last_error = 0;
    bool stopped = false; // a wait was in vain
    bool waits = true;    // see hold_nobody_up()
    bool gone = false;    // nobody reads any more
    bool ending = false;
    bool ended = false;
};

std::string_view Outlet::State::write_at_once(std::string_view bytes) noexcept {
    const int error = is_file ? write_all(own_fd, bytes) : 0;
    const auto size = is_file ? bytes.size() : write_what_fits(own_fd, bytes);
    if (size > 0) {
        given += size;
        count(own_fd, error, size);
    }
    return bytes.substr(size);
}

void Outlet::State::append(std::string_view bytes) noexcept {
    try {
        queue.append(bytes);
        given += bytes.size();
    } catch (...) { // no memory
        leave_out(bytes);
    }
}

void Outlet::State::leave_out(std::string_view bytes) noexcept {
    if (bytes_left_out == 0)
        trace::warning(trace::Category::log, "leaving out lines of the log: its reader is slow");
    lines_left_out += static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), '\n'));
    bytes_left_out += bytes.size();
}

void Outlet::State::note_what_is_left_out() noexcept {
    if (bytes_left_out == 0)
        return;
    trace::warning(trace::Category::log, "{} lines of the log were left out: its reader is slow",
                   lines_left_out);
    std::array<char, 128> note{}; // snprintf does not throw
    const int size = std::snprintf(
        note.data(), note.size(),
        "(%zu lines, %zu bytes, are left out here: nobody has read the log meanwhile)\n",
        std::exchange(lines_left_out, 0), std::exchange(bytes_left_out, 0));
    append({note.data(), static_cast<std::size_t>(size)});
}

// Records the result of a write.
void Outlet::State::count(int fd, int error, std::size_t size) noexcept {
    written += size;
    stopped = false;
    last_error = error;
    gone = fd == own_fd && (error == EPIPE || error == EIO || error == EBADF);
    progress.notify_all();
}

Outlet::Outlet(int borrowed) : Outlet(borrowed, Limits{}) {}

Outlet::Outlet(int borrowed, Limits limits) : Outlet(std::make_shared<State>(borrowed, limits)) {}

Outlet::Outlet(UniqueFd owned) : Outlet(std::make_shared<State>(std::move(owned))) {}

Outlet::Outlet(std::shared_ptr<State> state) : state_(std::move(state)) {
    const SignalsBlocked on_the_new_thread;
    writer_ = std::jthread([shared = state_] { run(*shared); });
}

Outlet::~Outlet() {
    if (is_fork()) {
        writer_.detach(); // a fork does not have the thread
        return;
    }
    const bool done = settle();
    std::unique_lock lock(state_->mutex);
    state_->ending = true;
    state_->to_write.notify_one();
    if (!done && !state_->ended)
        writer_.detach(); // its write may block until the process ends
}

void Outlet::write(std::string_view bytes) noexcept {
    if (is_fork())
        return;
    const std::lock_guard lock(state_->mutex);
    State& state = *state_;
    const auto waiting = state.given - state.written;
    if (state.gone)
        return;
    if (waiting > 0 && waiting + bytes.size() > state.limits.most_waiting)
        return state.leave_out(bytes);
    state.note_what_is_left_out();
    if (state.redirected_to < 0 && state.given == state.written)
        bytes = state.write_at_once(bytes);
    if (bytes.empty())
        return;
    state.append(bytes);
    state.to_write.notify_one();
}

bool Outlet::settle(std::size_t but_for) noexcept {
    if (is_fork())
        return true;
    std::unique_lock lock(state_->mutex);
    State& state = *state_;
    const auto goal = state.given - std::min<std::uint64_t>(but_for, state.given);
    const auto is_out = [&] { return state.gone || state.written >= goal; };
    if (is_out())
        return true;
    if (state.stopped || !state.waits)
        return false;
    for (;;) {
        const auto before = state.written;
        if (state.progress.wait_for(lock, state.limits.patience, is_out))
            return true;
        const auto taken = state.written - before;
        state.stopped = taken == 0;
        if (taken < state.limits.pace)
            return false;
    }
}

void Outlet::hold_nobody_up() noexcept {
    const std::lock_guard lock(state_->mutex);
    state_->waits = false;
}

void Outlet::wait_once_more() noexcept {
    const std::lock_guard lock(state_->mutex);
    state_->waits = true;
    state_->stopped = false;
}

int Outlet::error() const noexcept {
    const std::lock_guard lock(state_->mutex);
    return state_->last_error;
}

void Outlet::redirect(int fd) noexcept {
    settle();
    const std::lock_guard lock(state_->mutex);
    state_->redirected_to = fd;
}

// The writer's thread. It writes without the lock.
void Outlet::run(State& state) noexcept {
    std::string bytes;
    std::unique_lock lock(state.mutex);
    while (!state.ending) {
        bytes.clear();
        bytes.swap(state.queue);
        for (std::string_view left = bytes; !left.empty() && !state.gone && !state.ending;) {
            const auto now = left.substr(0, piece);
            const int fd = state.redirected_to >= 0 ? state.redirected_to : state.own_fd;
            lock.unlock();
            const int error = write_all(fd, now);
            lock.lock();
            left.remove_prefix(now.size());
            state.count(fd, error, now.size());
        }
        if (state.queue.empty())
            state.note_what_is_left_out();
        state.to_write.wait(lock, [&] { return state.ending || !state.queue.empty(); });
    }
    state.ended = true;
}

} // namespace ntd::log
