#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace ntd::log {

enum class Level { debug, info, warning, error };

// A remark of the driver, of the script (log.info() ...) or about a machine.
struct Line {
    Level level = Level::info;
    std::string text; // may have several lines
};

// One line of a machine's serial console, as the guest sent it: any bytes, no line end. There are
// many: it is the sender's own, and a sink that keeps it makes a copy.
struct Serial {
    std::string_view text;
};

// What a running command writes to its standard output, shown while it runs.
struct Output {
    std::string text;
};

enum class ScopeKind { nested, subtest };

// "NAME: must succeed: ..." and all that happens until its end.
struct ScopeBegin {
    std::uint64_t id = 0; // unique in the process
    ScopeKind kind = ScopeKind::nested;
    std::string text;
};

struct ScopeEnd {
    std::uint64_t id = 0;
    ScopeKind kind = ScopeKind::nested;
    std::string text; // the same as at its begin
    std::chrono::duration<double> took{};
    std::optional<std::string> failure; // message, where an exception ended it
};

// Why the test failed: a traceback of the script's frames, then the exception. Shown at every
// level.
struct TestError {
    std::string text; // several lines
};

struct Event {
    std::chrono::system_clock::time_point time;
    std::string machine;      // empty: not about one machine
    std::uint64_t parent = 0; // id of the scope that the thread was in, 0 for none
    std::variant<Line, Serial, Output, ScopeBegin, ScopeEnd, TestError> what;
};

} // namespace ntd::log
