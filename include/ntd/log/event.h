#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace ntd::log {

enum class Level { debug, info, warning, error };

// A message of the driver, of the script (log.info() ...) or about a machine.
struct Line {
    Level level = Level::info;
    std::string text; // may have several lines
};

// One line of a machine's serial console as the guest sent it: any bytes, without the line end. The
// view belongs to the sender and is valid during the call only: there are too many lines to copy
// each.
struct Serial {
    std::string_view text;
};

// Standard output of a running command, shown while it runs.
struct Output {
    std::string text;
};

enum class ScopeKind { nested, subtest };

// A step of the test ("NAME: must succeed: ..."), which may contain other events until its end.
struct ScopeBegin {
    std::uint64_t id = 0; // unique in the process
    ScopeKind kind = ScopeKind::nested;
    std::string text;
};

struct ScopeEnd {
    std::uint64_t id = 0;
    ScopeKind kind = ScopeKind::nested;
    std::string text; // same as in ScopeBegin
    std::chrono::duration<double> took{};
    std::optional<std::string> failure; // the exception's message, if one ended the scope
};

// Why the test failed: the script's part of the traceback, then the exception. Shown at every log
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
