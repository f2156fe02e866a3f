#pragma once

#include <ntd/base/deadline.h>
#include <ntd/base/error.h>

#include <utility>

namespace ntd::machine {

// The time limit of a wait that looks again and again is the limit of all that its looks do,
// whoever does it: a method of ours, or Python code that calls some. While such an object lives,
// deadlines that this thread makes with deadline_of() are no later than its own. Waits nest; the
// innermost limit is never later than an outer one.
class WaitLimit {
public:
    // Most looks end in it, so that there is time for one more, the last.
    static constexpr std::chrono::milliseconds overtime_of_a_look{500};
    static constexpr std::chrono::milliseconds overtime_of_the_last{1000};

    // What is under way at the deadline may take the overtime, and is cut then.
    explicit WaitLimit(Deadline deadline, Deadline::Duration overtime = {});
    ~WaitLimit();
    WaitLimit(const WaitLimit&) = delete;
    WaitLimit& operator=(const WaitLimit&) = delete;
    WaitLimit(WaitLimit&&) = delete;
    WaitLimit& operator=(WaitLimit&&) = delete;

    Deadline deadline() const { return deadline_; }
    bool passed() const { return deadline_.passed(); }
    Deadline cut() const { return deadline_.later_by(overtime_); }

    // For the last look, when the time is over.
    void set_overtime(Deadline::Duration overtime);

    // Whether something was ended because of the limit: then it has told nothing.
    bool has_cut() const { return has_cut_; }

    // When what this thread does is cut, or never.
    static Deadline current();

    // Whether that has cut something.
    static bool current_has_cut();

    // To be told of each call that ran into its deadline, which may have been the limit's;
    // throw_timed_out() does.
    static void
    note_deadline_reached(Deadline reached = Deadline::after(std::chrono::seconds(0))) noexcept;

    // Time that is not the wait's: while this lives, limits of this thread move with the clock. A
    // guest that has still to boot does so in its own time.
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
