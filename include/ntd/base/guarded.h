#pragma once

#include <ntd/base/forks.h>

#include <mutex>
#include <utility>

namespace ntd {

// Data that is accessible only while its lock is held. Hold the lock briefly: never across a wait,
// a callback, or taking the GIL.
template <typename T>
class Guarded {
public:
    template <typename... Args>
    explicit Guarded(Args&&... args) : data_(std::forward<Args>(args)...) {}

    template <typename Function>
    decltype(auto) with(Function&& function) {
        const auto held = lock();
        return std::forward<Function>(function)(data_);
    }

    template <typename Function>
    decltype(auto) with(Function&& function) const {
        const auto held = lock();
        return std::forward<Function>(function)(data_);
    }

    T copy() const {
        return with([](const T& data) { return data; });
    }

private:
    std::unique_lock<std::mutex> lock() const {
        // A fork takes no lock: it has only one thread, and the lock's holder may not exist there.
        return is_fork() ? std::unique_lock<std::mutex>() : std::unique_lock(mutex_);
    }

    mutable std::mutex mutex_;
    T data_;
};

} // namespace ntd
