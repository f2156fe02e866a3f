#pragma once

#include <ntd/base/deadline.h>
#include <ntd/base/unique_fd.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace ntd::os {

// The I/O thread: one poll(2) over the registered descriptors and timers. Callbacks run on that
// thread, one at a time; they must not block or throw. All signals are blocked there.
class EventLoop {
public:
    EventLoop();
    ~EventLoop(); // every Watch must be gone by then
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;
    EventLoop(EventLoop&&) = delete;
    EventLoop& operator=(EventLoop&&) = delete;

    // A registration. Its destructor waits until a running callback has returned, so that what the
    // callback uses can be destroyed afterwards. (On the I/O thread itself it does not wait.)
    class [[nodiscard]] Watch {
    public:
        Watch() = default;
        Watch(EventLoop& loop, std::uint64_t id) : loop_(&loop), id_(id) {}
        ~Watch() { reset(); }
        Watch(const Watch&) = delete;
        Watch& operator=(const Watch&) = delete;
        Watch(Watch&& other) noexcept;
        Watch& operator=(Watch&& other) noexcept;
        void reset() noexcept;

    private:
        EventLoop* loop_ = nullptr;
        std::uint64_t id_ = 0;
    };

    // Calls `on_readable` whenever `fd` is readable or hung up, until it returns false.
    Watch watch(int fd, std::function<bool()> on_readable);

    // Calls `on_time` once, at the deadline.
    Watch at(Deadline deadline, std::function<void()> on_time);

private:
    struct Entry {
        int fd = -1; // -1: a timer
        Deadline deadline = Deadline::never();
        std::function<bool()> callback;
    };

    Watch add(Entry entry);
    void remove(std::uint64_t id) noexcept;
    void run(const std::stop_token& stop);
    void dispatch(std::uint64_t id);
    void wake() noexcept;

    std::mutex mutex_;
    std::condition_variable idle_;           // notified when running_ changes
    std::map<std::uint64_t, Entry> entries_; // guarded by mutex_
    std::uint64_t last_id_ = 0;              // guarded by mutex_
    std::uint64_t running_ = 0;              // guarded by mutex_; id of the running callback
    UniqueFd wake_;                          // eventfd, signalled when entries_ changes
    std::jthread thread_;                    // last: it uses all of the above
};

} // namespace ntd::os
