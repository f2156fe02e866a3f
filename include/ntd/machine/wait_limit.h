#pragma once

#include <ntd/base/deadline.h>
#include <ntd/base/error.h>

#include <utility>

namespace ntd::machine {

// The time limit of a polling wait. It also limits everything that a look does, be it our own
// method or Python code that calls our methods. While the object exists, deadline_of() on this
// thread returns no later deadline. Limits nest: an inner limit is never later than an outer one.
class WaitLimit {
public:
    // Overtime of a normal look, in which most looks finish. That leaves time for the last look.
    static constexpr std::chrono::milliseconds overtime_of_a_look{500};
    static constexpr std::chrono::milliseconds overtime_of_the_last{1000};

    // A look that is in progress at `deadline` may take `overtime` more. Then it is cut.
    explicit WaitLimit(Deadline deadline, Deadline::Duration overtime = {});
    ~WaitLimit();
    WaitLimit(const WaitLimit&) = delete;
    WaitLimit& operator=(const WaitLimit&) = delete;
    WaitLimit(WaitLimit&&) = delete;
    WaitLimit& operator=(WaitLimit&&) = delete;

    Deadline deadline() const { return deadline_; }
    bool passed() const { return deadline_.passed(); }
    Deadline cut() const { return deadline_.later_by(overtime_); }

    // For the last look, which starts after the deadline.
    void set_overtime(Deadline::Duration overtime);

    // Whether the limit has cut a call. The result of that look is then unknown.
    bool has_cut() const { return has_cut_; }

    // When calls of this thread are cut. May be never.
    static Deadline current();

    // Whether the innermost limit of this thread has cut a call.
    static bool current_has_cut();

    // Call it when a call has reached its deadline: each limit of this thread that was due by then
    // notes that it has cut a call. throw_timed_out() does this.
    static void
    note_deadline_reached(Deadline reached = Deadline::after(std::chrono::seconds(0))) noexcept;

    // Pauses the limits of this thread for as long as the object exists: the destructor moves their
    // deadlines by that time. Used while a guest still boots.
    class [[nodiscard]] Pause {
    public:
        Pause() = default;
        ~Pause();
        Pause(const Pause&) = delete;
        Pause& operator=(const Pause&) = delete;
        Pause(Pause&&) = delete;
        Pause& operator=(Pause&&) = delete;

    private:
        Deadline::Clock::time_point begin_ = Deadline::Clock::now();
    };

private:
    WaitLimit* outer_;
    Deadline deadline_;
    Deadline::Duration overtime_;
    bool has_cut_ = false;
};

template <typename... Args>
[[noreturn]] void throw_timed_out(fmt::format_string<Args...> format, Args&&... args) {
    WaitLimit::note_deadline_reached();
    throw TimeoutError(format, std::forward<Args>(args)...);
}

} // namespace ntd::machine
