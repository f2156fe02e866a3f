#pragma once

#include <ntd/log/event.h>

namespace ntd::log {

// Calls handle with what happened. The log must not fail a test: an event that there is no memory
// for is left out.
template <typename Handle>
void dispatch(const Event& event, Handle handle) noexcept {
    try {
        std::visit(handle, event.what);
    } catch (...) { // nowhere to say so
    }
}

} // namespace ntd::log
