#pragma once

#include <ntd/log/event.h>

namespace ntd::log {

// Calls `handle` with the event's content. The log must not fail a test, so an event is dropped if
// memory runs out.
template <typename Handle>
void dispatch(const Event& event, Handle handle) noexcept {
    try {
        std::visit(handle, event.what);
    } catch (...) { // no way to report it
    }
}

} // namespace ntd::log
