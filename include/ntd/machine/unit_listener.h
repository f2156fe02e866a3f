#pragma once

#include <ntd/machine/machine.h>

#include <optional>
#include <string>

namespace ntd::machine {

// Tells a wait when a unit's state has changed, as the guest's systemd says itself:
// proto/unit_bus.h. It belongs to one wait, on its thread. A guest without what that takes, or
// whose listener says nothing, or no end of things, gets no second chance: the wait looks then as
// if there were none. The listener in the guest ends by itself, some seconds after the last look at
// most.
class UnitListener {
public:
    UnitListener(Machine& machine, const std::string& unit, std::optional<std::string> user);

    // Waits until the state, which is `known`, as systemctl has just said, is `wanted`, or one from
    // which a unit may never get there. Ends before the time of the wait does.
    enum class Change {
        as_wanted, // systemd says that it is `wanted`, and has said before what systemctl said
        perhaps,   // it is time to ask systemctl: the state may be one that matters
        unheard,   // the same, but nobody will say when: rest before
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
    std::optional<std::string> id_; // none: nobody can be listened to, or not any more
    std::optional<std::string> user_;
    std::string place_;       // of the listener; empty: there is none
    std::string first_;       // state, at the begin of the last look
    std::string state_;       // at its end
    bool is_trusted_ = false; // it has said what systemctl said
    bool is_proven_ = false;  // the present one has answered
    int doubts_ = 0;          // since it said what systemctl said
    Deadline::Clock::time_point asked_ = Deadline::Clock::now(); // when systemctl was asked
};

} // namespace ntd::machine
