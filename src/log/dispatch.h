#pragma once

#include <ntd/log/event.h>

#include <concepts>
#include <type_traits>

namespace ntd::log {

// Kinds of events that only the record keeps (see RecordSink).
template <typename Kind>
concept ForTheRecord =
    std::same_as<Kind, Command> || std::same_as<Kind, Life> || std::same_as<Kind, Picture>;

// Calls `handle` with the event's content, unless that is for the record only. The log must not
// fail a test, so an event is dropped if memory runs out.
template <typename Handle>
void dispatch(const Event& event, Handle handle) noexcept {
    try {
        std::visit(
            [&](const auto& what) {
                if constexpr (!ForTheRecord<std::remove_cvref_t<decltype(what)>>)
                    handle(what);
            },
            event.what);
    } catch (...) { // no way to report it
    }
}

} // namespace ntd::log
