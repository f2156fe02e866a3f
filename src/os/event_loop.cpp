#include <ntd/os/event_loop.h>

#include <ntd/base/error.h>
#include <ntd/base/forks.h>
#include <ntd/os/syscall.h>

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include <csignal>
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
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); // the new thread inherits it
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

EventLoop::~EventLoop() {
    if (is_fork())
        thread_.detach(); // it is not there
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
        return; // nothing runs that could use it
    std::unique_lock lock(mutex_);
    entries_.erase(id);
    if (std::this_thread::get_id() == thread_.get_id())
        return;
    idle_.wait(lock, [&] { return running_ != id; });
    lock.unlock();
    wake(); // poll must not go on with a descriptor that its owner is about to close
}

void EventLoop::wake() noexcept {
    const std::uint64_t one = 1;
    (void)retry_eintr([&] { return ::write(wake_.get(), &one, sizeof one); });
}

void EventLoop::run(const std::stop_token& stop) {
    std::vector<pollfd> fds;
    std::vector<std::uint64_t> ids;
    while (!stop.stop_requested()) {
        auto soonest = Deadline::never();
        fds.assign(1, {wake_.get(), POLLIN, 0});
        ids.assign(1, 0);
        {
            const std::lock_guard lock(mutex_);
            for (const auto& [id, entry] : entries_) {
                fds.push_back({entry.fd, POLLIN, 0});
                ids.push_back(id);
                soonest = sooner(soonest, entry.deadline);
            }
        }
        if (::poll(fds.data(), fds.size(), soonest.left_ms()) < 0)
            continue; // EINTR cannot be (signals are blocked), anything else will come again
        if (fds[0].revents != 0) {
            std::uint64_t count = 0;
            (void)retry_eintr([&] { return ::read(wake_.get(), &count, sizeof count); });
        }
        for (std::size_t i = 1; i < fds.size(); ++i)
            if (fds[i].revents != 0 || fds[i].fd < 0)
                dispatch(ids[i]);
    }
}

// Runs one entry's callback if the entry still exists and, for a timer, its time has come.
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
    running_ = 0;
    const auto again = entries_.find(id); // the callback may have removed it
    if (again != entries_.end()) {
        if (go_on)
            again->second.callback = std::move(callback);
        else
            entries_.erase(again);
    }
    lock.unlock();
    idle_.notify_all();
}

} // namespace ntd::os
