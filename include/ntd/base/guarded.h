#pragma once

#include <ntd/base/forks.h>

#include <mutex>
#include <utility>

namespace ntd {

// Data that can be reached only while its lock is held. Hold it briefly: never across a wait, a
// callback, or taking Python's global lock.
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
        // Who holds it may not be there in a fork, and nobody else is.
        return is_fork() ? std::unique_lock<std::mutex>() : std::unique_lock(mutex_);
    }

    mutable std::mutex mutex_;
    T data_;
};

} // namespace ntd
