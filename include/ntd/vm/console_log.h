#pragma once

#include <ntd/base/deadline.h>
#include <ntd/base/guarded.h>
#include <ntd/base/text.h>
#include <ntd/os/broadcast.h>

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ntd::vm {

// What a machine has said since its start: the serial console, and what its start script wrote to
// standard error. Written by the I/O thread, read by any.
class ConsoleLog {
public:
    // One line of the serial console, as it came.
    void add_serial(std::string_view line);

    // One line of the process's standard error: counts for tail() alone.
    void add_stderr(std::string_view line);

    void close(); // the machine will say no more
    void clear(); // a new start

    // All serial lines, each with a newline; valid UTF-8. From a position on, or from the start.
    std::string text(std::size_t from = 0) const;
    std::size_t size() const;

    // Where the text ends that waits have looked at and used up. Moves forward only.
    std::size_t consumed() const;
    void consume_to(std::size_t position);

    // The last lines of both streams, cleaned for people.
    std::string tail(std::size_t lines = 15) const;

    bool closed() const;
    Deadline::Clock::time_point last_activity() const;

    // The line that says that this boot will come to nothing: a kernel panic, ...
    std::optional<std::string> dead_end() const;

    // Notified with every change.
    os::Broadcast& changed() { return changed_; }

private:
    struct State {
        std::string text;
        std::size_t consumed = 0;
        std::deque<std::string> tail;
        bool closed = false;
        Deadline::Clock::time_point last_activity = Deadline::Clock::now();
        std::optional<std::string> dead_end;
    };
    void add(std::string_view line, bool serial);

    Guarded<State> state_;
    os::Broadcast changed_;
};

} // namespace ntd::vm
