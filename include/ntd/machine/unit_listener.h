#pragma once

#include <ntd/machine/machine.h>

#include <optional>
#include <string>

namespace ntd::machine {

// Waits for state changes of a unit that the guest's systemd announces: see proto/unit_bus.h. It
// belongs to one wait, on one thread. If the guest lacks the needed programs, or the listener does
// not answer or is wrong too often, it is not used again, and the wait polls instead. The listener
// in the guest ends by itself, at most a few seconds after the last look.
class UnitListener {
public:
    UnitListener(Machine& machine, const std::string& unit, std::optional<std::string> user);

    // Waits until the unit's state is `wanted`, or one from which the unit may never get there.
    // `known` is the state that systemctl has just reported. Returns before the limit of the wait.
    enum class Change {
        as_wanted, // systemd reports `wanted`, and its reports have agreed with systemctl before
        perhaps,   // ask systemctl now: the state may matter to the wait
        unheard,   // ask systemctl after a pause: changes are not announced
    };
    Change wait_for_change(std::string known, const std::string& wanted);

private:
    enum class Heard { state, nothing, hurry, end };
    std::optional<Change> listen(std::string& known, const std::string& wanted, Seconds time);
    std::optional<Change> heard(std::string& known, const std::string& wanted);
    bool start();
    Heard look(const std::string& known, const std::string& wanted, Seconds time);
    Change contradicted();
    void leave_it_to_others();

    Machine& machine_;
    std::optional<std::string> id_; // empty if no listener can be used
    std::optional<std::string> user_;
    std::string place_;       // path of the listener in the guest; empty: there is none
    std::string first_;       // state at the start of the last look
    std::string state_;       // state at the end of the last look
    bool is_trusted_ = false; // it has agreed with systemctl
    bool is_proven_ = false;  // the current listener has answered
    int doubts_ = 0;          // since it last agreed with systemctl
    Deadline::Clock::time_point asked_ = Deadline::Clock::now(); // last question to systemctl
};

} // namespace ntd::machine
