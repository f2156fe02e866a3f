#pragma once

#include <ntd/log/event.h>

#include <string>
#include <utility>

namespace ntd::log {

// An event of 2026-01-02 03:04:05 UTC, plus some seconds.
template <typename What>
Event event(std::string machine, What what, std::uint64_t parent = 0, int seconds = 0) {
    constexpr std::chrono::seconds begin{1767323045};
    return {std::chrono::system_clock::time_point(begin + std::chrono::seconds(seconds)),
            std::move(machine), parent, std::move(what)};
}

template <typename What>
Event event(What what) {
    return event("", std::move(what));
}

inline ScopeBegin nested(std::uint64_t id, std::string text) {
    return {id, ScopeKind::nested, std::move(text)};
}

inline ScopeEnd nested_end(std::uint64_t id, std::string text, double seconds) {
    return {id, ScopeKind::nested, std::move(text), std::chrono::duration<double>(seconds), {}};
}

inline ScopeBegin subtest(std::uint64_t id, std::string text) {
    return {id, ScopeKind::subtest, std::move(text)};
}

inline ScopeEnd subtest_end(std::uint64_t id,
                            std::string text,
                            double seconds,
                            std::optional<std::string> failure = std::nullopt) {
    return {id, ScopeKind::subtest, std::move(text), std::chrono::duration<double>(seconds),
            std::move(failure)};
}

} // namespace ntd::log
