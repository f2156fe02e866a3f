#include <ntd/machine/wait_limit.h>

#include <utility>

namespace ntd::machine {

namespace {

thread_local WaitLimit* innermost = nullptr;

} // namespace

WaitLimit::WaitLimit(Deadline deadline, Deadline::Duration overtime)
    : outer_(innermost), deadline_(sooner(current(), deadline)), overtime_(overtime) {
    innermost = this;
}

WaitLimit::~WaitLimit() {
    innermost = outer_;
}

void WaitLimit::set_overtime(Deadline::Duration overtime) {
    overtime_ = overtime;
    has_cut_ = false;
}

Deadline WaitLimit::current() {
    auto soonest = Deadline::never();
    for (const auto* limit = innermost; limit != nullptr; limit = limit->outer_)
        soonest = sooner(soonest, limit->cut());
    return soonest;
}

bool WaitLimit::current_has_cut() {
    return innermost != nullptr && innermost->has_cut_;
}

void WaitLimit::note_deadline_reached(Deadline reached) noexcept {
    for (auto* limit = innermost; limit != nullptr; limit = limit->outer_)
        limit->has_cut_ = limit->has_cut_ || limit->cut().at() <= reached.at();
}

WaitLimit::Pause::~Pause() {
    const auto took = Deadline::Clock::now() - begin_;
    for (auto* limit = innermost; limit != nullptr; limit = limit->outer_)
        limit->deadline_ = limit->deadline_.later_by(took);
}

} // namespace ntd::machine
