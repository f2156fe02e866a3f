#pragma once

#include <chrono>
#include <cstddef>
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
    std::string text;         // several lines
    std::string details = {}; // what helps a person to find the cause: for the terminal only
    bool is_summary = false;  // it repeats failures that have been reported
};

// A subtest that does not run, because others were selected.
struct SubtestSkip {
    std::string name;
};

// The kinds from here on are for the record of the run only; other sinks do not get them (see
// dispatch.h).

// A command that a machine was given, and how it ended.
struct Command {
    std::string text;
    int status = 0;
    bool timed_out = false;
    std::string output = {}; // its last lines: whoever sends this keeps it short
    std::size_t cut = 0;     // bytes of output before these
    std::chrono::duration<double> took{};
};

// A change in the life of event.machine.
struct Life {
    enum class What { started, up, reset, ended };
    What what = What::started;
};

// A picture of the screen of event.machine.
struct Picture {
    std::string file; // relative to the directory of the report
};

struct Event {
    std::chrono::system_clock::time_point time;
    std::string machine;      // empty: not about one machine
    std::uint64_t parent = 0; // id of the scope that the thread was in, 0 for none
    std::variant<Line,
                 Serial,
                 Output,
                 ScopeBegin,
                 ScopeEnd,
                 TestError,
                 SubtestSkip,
                 Command,
                 Life,
                 Picture>
        what;
    std::chrono::steady_clock::time_point at{};
    int line = 0; // of the test script, which it belongs to; 0 if that is not known
};

} // namespace ntd::log
