#include <ntd/machine/unit_listener.h>

#include <ntd/base/text.h>
#include <ntd/machine/patience.h>
#include <ntd/machine/retry.h>
#include <ntd/machine/wait_limit.h>
#include <ntd/os/wait.h>
#include <ntd/proto/shell_codec.h>
#include <ntd/proto/unit_bus.h>

#include <algorithm>
#include <utility>

namespace ntd::machine {

namespace {

using namespace std::chrono_literals;

// The longest time for one look. Polling conditions are checked about as often. If a change is not
// announced, the next look sees it.
constexpr Seconds longest_look = 1s;

// The listener is given up after so many doubts in a row. A doubt is a look without an answer in
// time, or an answer that differs from systemctl's.
constexpr int most_doubts = 3;

// systemctl is asked after this time even if the listener works.
constexpr Seconds longest_trust = 10s;

// How long others get the shell before the next look.
constexpr auto time_of_others = 100ms;

// No look is started that would have less time: the limit of the wait would cut it, and that takes
// longer.
constexpr Seconds shortest_look = 10ms;

Seconds left_of_wait() {
    const auto cut = WaitLimit::current();
    if (cut.is_never())
        return Seconds(longest_trust);
    return Seconds(cut.left()) - WaitLimit::overtime_of_a_look;
}

} // namespace

UnitListener::UnitListener(Machine& machine,
                           const std::string& unit,
                           std::optional<std::string> user)
    : machine_(machine), id_(proto::unit_id(unit)), user_(std::move(user)) {}

// For an inactive unit the wait must know whether it has a job. systemd does not announce for the
// unit that a job ends, so systemctl is asked sooner.
UnitListener::Change UnitListener::wait_for_change(std::string known, const std::string& wanted) {
    const Seconds took = Deadline::Clock::now() - asked_;
    const auto again =
        Deadline::after(known == "inactive" ? pause_after_try(took, took).most : longest_trust);
    auto change = std::optional<Change>();
    while (!change && id_) {
        const auto left = left_of_wait();
        if (left < shortest_look)
            break;
        if (again.passed())
            change = Change::perhaps;
        else
            change = listen(known, wanted, std::min({longest_look, left, Seconds(again.left())}));
    }
    asked_ = Deadline::Clock::now();
    return change.value_or(Change::unheard);
}

std::optional<UnitListener::Change>
UnitListener::listen(std::string& known, const std::string& wanted, Seconds time) {
    if (place_.empty() && !start()) {
        id_.reset();
        return std::nullopt;
    }
    switch (look(known, wanted, time)) {
    case Heard::state:
        is_proven_ = true;
        return heard(known, wanted);
    case Heard::nothing:
        return time < longest_look ? std::nullopt : std::optional(contradicted());
    case Heard::hurry:
        leave_it_to_others();
        return std::nullopt;
    case Heard::end: // it ended as planned; the next one may do better
        if (!is_proven_)
            id_.reset();
        place_.clear();
        return std::nullopt;
    }
    return std::nullopt;
}

// A unit may change often while it starts. systemctl is not asked each time.
std::optional<UnitListener::Change> UnitListener::heard(std::string& known,
                                                        const std::string& wanted) {
    const bool agrees = first_ == known;
    if (agrees)
        doubts_ = 0;
    is_trusted_ = is_trusted_ || agrees;
    if (state_ == wanted && is_trusted_)
        return Change::as_wanted;
    if (!agrees)
        return contradicted();
    if (state_ != known && (state_ == "failed" || state_ == "inactive"))
        return Change::perhaps;
    known = state_;
    return std::nullopt;
}

UnitListener::Change UnitListener::contradicted() {
    if (++doubts_ >= most_doubts)
        id_.reset();
    return Change::perhaps;
}

bool UnitListener::start() {
    place_ = "/tmp/." + proto::new_marker();
    is_proven_ = false;
    const auto command = proto::listen_to_unit(place_, proto::unit_bus(user_), *id_);
    return machine_.execute(command, {.simple = true}).status == 0;
}

UnitListener::Heard
UnitListener::look(const std::string& known, const std::string& wanted, Seconds time) {
    const auto command =
        proto::look_at_unit({place_, *id_, known, wanted, time.count()}, proto::new_serial());
    ExecResult result;
    try {
        result = machine_.execute(command, {.simple = true, .hurry = proto::hurry_look(place_)});
    } catch (const ShellEnded&) { // a reset, which a polling wait would not notice
        return Heard::end;
    }
    if (result.timed_out || result.status == proto::no_listener)
        return Heard::end;
    if (result.status == proto::was_hurried)
        return Heard::hurry;
    if (result.status != proto::looked) {
        id_.reset();
        return Heard::end;
    }
    const auto states = split_blanks(result.output);
    if (states.size() != 2)
        return Heard::nothing;
    first_ = states.front();
    state_ = states.back();
    return Heard::state;
}

void UnitListener::leave_it_to_others() {
    const auto exit = machine_.exit_fd();
    os::wait_readable({number_of(exit)}, Deadline::after(time_of_others),
                      machine_.host().interrupt);
}

} // namespace ntd::machine
