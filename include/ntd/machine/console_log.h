#pragma once

#include <ntd/base/deadline.h>
#include <ntd/base/guarded.h>
#include <ntd/base/text.h>
#include <ntd/machine/kept_text.h>
#include <ntd/os/broadcast.h>

#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ntd::machine {

// What a machine has said since its start: the serial console, and what its start script wrote to
// standard error. Written by the I/O thread, read by any. However much it is: see KeptText.
class ConsoleLog {
public:
    // How much of the text is looked at in one piece.
    static constexpr std::size_t window = std::size_t{16} << 20;

    // A piece of the text, of whole lines (but the first, if what was before it is gone, or used
    // up, and one at the end of the text that is unfinished).
    struct Part {
        std::size_t begin = 0; // its position
        std::string text;
        bool more = false; // there is text behind it
    };

    // What does not stay in memory is in a file in that directory.
    explicit ConsoleLog(std::filesystem::path directory = std::filesystem::temp_directory_path(),
                        KeptTextLimits limits = {});

    // One line of the serial console, as it came. Who waits for it hears of it by tell(), for all
    // lines that came together: a busy console has a million.
    void add_serial(std::string_view line);
    void tell();

    // What there is of a line that has no end yet; more of it, or all, may be added later. Returns
    // what is new of it. It is part of the text, without a newline, and of tail().
    std::string add_unfinished(std::string_view line);

    // One line of the process's standard error, which is seen on the console as well: but nothing
    // that it says is the guest's.
    void add_stderr(std::string_view line);

    void close(); // the machine will say no more
    void clear(); // a new start

    // The serial lines, each with a newline, but for an unfinished one; valid UTF-8. From a
    // position on, or from the start: no more than `most` bytes, but one line at least.
    Part part(std::size_t from, std::size_t most = window) const;
    std::string text(std::size_t from = 0) const { return part(from).text; }
    std::size_t size() const;

    // All that is still there, headed by a line that says what is not.
    std::string all() const;

    // Where the text ends that waits have looked at and used up. Moves forward only.
    std::size_t consumed() const;
    void consume_to(std::size_t position);

    // The last lines of both streams, cleaned for people.
    std::string tail(std::size_t lines = 15) const;

    // The same for a message: "its last output was:", or that there was none.
    std::string last_output(std::size_t lines = 15) const;

    bool closed() const;
    Deadline::Clock::time_point last_activity() const;

    // The line that says that this boot has come to nothing: a kernel panic, ... None again once
    // another kernel starts.
    std::optional<std::string> dead_end() const;

    // The last line that says that the guest, or its root shell, may be gone, and how many there
    // have been. The broadcast is notified with each.
    struct Alarm {
        std::size_t count = 0;
        std::string line;
    };
    Alarm alarm() const;
    os::Broadcast& alarms() { return alarms_; }

    // Notified with every change, by tell() of lines.
    os::Broadcast& changed() { return changed_; }

private:
    struct State {
        explicit State(KeptText empty) : text(std::move(empty)) {}

        KeptText text;
        std::string unfinished; // a line, at the end of the text
        std::size_t consumed = 0;
        std::deque<std::string> tail;
        bool closed = false;
        Deadline::Clock::time_point last_activity = Deadline::Clock::now();
        std::optional<std::string> dead_end;
        Alarm alarm;
    };
    void add(std::string_view line, bool serial);
    static bool take_news(State& state, std::string_view line);

    Guarded<State> state_;
    os::Broadcast changed_;
    os::Broadcast alarms_;
};

} // namespace ntd::machine
