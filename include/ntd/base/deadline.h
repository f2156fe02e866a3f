#pragma once

#include <algorithm>
#include <chrono>

namespace ntd {

// The time on the monotonic clock at which a wait gives up. The caller makes it once and passes it
// down unchanged, so all parts of a wait share one time limit.
class Deadline {
public:
    using Clock = std::chrono::steady_clock;
    using Duration = Clock::duration;

    static Deadline never() { return Deadline(Clock::time_point::max()); }

    // A duration too long for the clock gives never(); a negative one gives now.
    static Deadline after(std::chrono::duration<double> from_now) {
        constexpr std::chrono::duration<double> century{3.2e9};
        if (!(from_now < century))
            return never();
        return Deadline(Clock::now() + std::chrono::duration_cast<Duration>(
                                           std::max(from_now, decltype(from_now)::zero())));
    }

    bool is_never() const { return at_ == Clock::time_point::max(); }
    bool passed() const { return !is_never() && Clock::now() >= at_; }
    Clock::time_point at() const { return at_; }

    // The time that is left: zero once the deadline has passed, Duration::max() for never().
    Duration left() const {
        if (is_never())
            return Duration::max();
        return std::max(at_ - Clock::now(), Duration::zero());
    }

    // The timeout for poll(2), in milliseconds: -1 for never(). Rounded up, so that a wait does not
    // end too early.
    int left_ms() const {
        if (is_never())
            return -1;
        const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left()).count();
        return static_cast<int>(std::min<long long>(ms, 1'000'000'000));
    }

    Deadline later_by(Duration time) const { return is_never() ? *this : Deadline(at_ + time); }

    friend Deadline sooner(Deadline a, Deadline b) { return a.at_ < b.at_ ? a : b; }

private:
    explicit Deadline(Clock::time_point at) : at_(at) {}
    Clock::time_point at_;
};

} // namespace ntd
