#include <ntd/os/event_loop.h>

#include <ntd/base/error.h>
#include <ntd/base/forks.h>
#include <ntd/base/signals.h>
#include <ntd/os/syscall.h>

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace ntd::os {

EventLoop::Watch::Watch(Watch&& other) noexcept
    : loop_(std::exchange(other.loop_, nullptr)), id_(other.id_) {}

EventLoop::Watch& EventLoop::Watch::operator=(Watch&& other) noexcept {
    if (this != &other) {
        reset();
        loop_ = std::exchange(other.loop_, nullptr);
        id_ = other.id_;
    }
    return *this;
}

void EventLoop::Watch::reset() noexcept {
    if (auto* loop = std::exchange(loop_, nullptr))
        loop->remove(id_);
}

EventLoop::EventLoop() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!wake_)
        throw_errno("make an eventfd");
    const SignalsBlocked on_the_new_thread;
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

EventLoop::~EventLoop() {
    if (is_fork())
        thread_.detach(); // a fork does not have the thread
    thread_.request_stop();
    wake();
}

EventLoop::Watch EventLoop::watch(int fd, std::function<bool()> on_readable) {
    return add({fd, Deadline::never(), std::move(on_readable)});
}

EventLoop::Watch EventLoop::at(Deadline deadline, std::function<void()> on_time) {
    return add({-1, deadline, [on_time = std::move(on_time)] {
                    on_time();
                    return false;
                }});
}

EventLoop::Watch EventLoop::add(Entry entry) {
    refuse_forks();
    std::uint64_t id = 0;
    {
        const std::lock_guard lock(mutex_);
        id = ++last_id_;
        entries_.emplace(id, std::move(entry));
    }
    wake();
    return {*this, id};
}

void EventLoop::remove(std::uint64_t id) noexcept {
    if (is_fork())
        return;                            // no thread runs callbacks
    decltype(entries_)::node_type removed; // destroys the callback after unlocking
    std::unique_lock lock(mutex_);
    removed = entries_.extract(id);
    if (std::this_thread::get_id() == thread_.get_id())
        return;
    idle_.wait(lock, [&] { return running_ != id; });
    lock.unlock();
    wake(); // poll must drop the descriptor before its owner closes it
}

void EventLoop::wake() noexcept {
    const std::uint64_t one = 1;
    (void)retry_eintr([&] { return ::write(wake_.get(), &one, sizeof one); });
}

void EventLoop::run(const std::stop_token& stop) {
    std::vector<pollfd> fds;
    std::vector<std::uint64_t> ids;
    std::vector<std::pair<Deadline::Clock::time_point, std::uint64_t>> timers;
    while (!stop.stop_requested()) {
        auto soonest = Deadline::never();
        fds.assign(1, {wake_.get(), POLLIN, 0});
        ids.assign(1, 0);
        timers.clear();
        {
            const std::lock_guard lock(mutex_);
            for (const auto& [id, entry] : entries_) {
                soonest = sooner(soonest, entry.deadline);
                if (entry.fd < 0) {
                    timers.emplace_back(entry.deadline.at(), id);
                    continue;
                }
                fds.push_back({entry.fd, POLLIN, 0});
                ids.push_back(id);
            }
        }
        if (::poll(fds.data(), fds.size(), soonest.left_ms()) < 0)
            continue; // no EINTR: signals are blocked; retry other errors
        if (fds[0].revents != 0)
            take_wakes(wake_.get());
        for (std::size_t i = 1; i < fds.size(); ++i)
            if (fds[i].revents != 0)
                dispatch(ids[i]);
        std::sort(timers.begin(), timers.end()); // several may be due
        for (const auto& [time, id] : timers)
            dispatch(id);
    }
}

// Runs one entry's callback if the entry still exists and, for a timer, is due.
void EventLoop::dispatch(std::uint64_t id) {
    std::unique_lock lock(mutex_);
    const auto found = entries_.find(id);
    if (found == entries_.end() || (found->second.fd < 0 && !found->second.deadline.passed()))
        return;
    auto callback = std::move(found->second.callback);
    running_ = id;
    lock.unlock();
    const bool go_on = callback();
    lock.lock();
    const auto again = entries_.find(id); // the callback may have removed it
    if (again != entries_.end() && go_on) {
        again->second.callback = std::move(callback);
    } else {
        entries_.erase(id);
        lock.unlock();
        callback = nullptr; // destroyed before remove() returns in another thread
        lock.lock();
    }
    running_ = 0;
    lock.unlock();
    idle_.notify_all();
}

} // namespace ntd::os
