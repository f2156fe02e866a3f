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

// The output of a machine since its start: the serial console, and the standard error of its start
// script. The I/O thread writes it; any thread may read it. KeptText limits its size.
class ConsoleLog {
public:
    // The default size limit of a Part, in bytes.
    static constexpr std::size_t window = std::size_t{16} << 20;

    // A piece of the text, made of whole lines. Two lines may be incomplete: the first one if the
    // text before it was dropped or consumed, and an unfinished line at the end of the text.
    struct Part {
        std::size_t begin = 0; // position in the text
        std::string text;
        bool more = false; // more text follows
    };

    // Text that does not fit into memory goes to a file in `directory`.
    explicit ConsoleLog(std::filesystem::path directory = std::filesystem::temp_directory_path(),
                        KeptTextLimits limits = {});

    // Adds one line of the serial console. Waiting threads are notified by tell() only, once for
    // all lines that came together: a busy console writes a million lines.
    void add_serial(std::string_view line);
    void tell();

    // Adds the start of a line whose end has not come yet. Later calls pass a longer start, or
    // add_serial() the whole line. Returns the part that is new. The text and tail() contain it,
    // without a newline.
    std::string add_unfinished(std::string_view line);

    // Adds one line of the process's standard error. It becomes part of the text and of tail(), but
    // is never taken for a sign of the guest's state (alarm, dead end).
    void add_stderr(std::string_view line);

    void close(); // no more output will come
    void clear(); // for a new start of the machine

    // Returns the lines from position `from` on as valid UTF-8. Each ends with a newline, except an
    // unfinished one. Returns at most `most` bytes, but at least one line.
    Part part(std::size_t from, std::size_t most = window) const;
    std::string text(std::size_t from = 0) const { return part(from).text; }
    std::size_t size() const;

    // The text that is still kept. If older text was dropped, the first line says so.
    std::string all() const;

    // The position up to which waits have consumed the text. It only moves forward.
    std::size_t consumed() const;
    void consume_to(std::size_t position);

    // The last lines of both streams, in printable form.
    std::string tail(std::size_t lines = 15) const;

    // The same as part of a message: "its last output was: ...", or that there was none.
    std::string last_output(std::size_t lines = 15) const;

    bool closed() const;
    Deadline::Clock::time_point last_activity() const;

    // The line that shows that this boot has failed, such as a kernel panic. Reset when another
    // kernel starts.
    std::optional<std::string> dead_end() const;

    // The last line that hints that the guest or its root shell is gone, and the number of such
    // lines. alarms() is notified of each.
    struct Alarm {
        std::size_t count = 0;
        std::string line;
    };
    Alarm alarm() const;
    os::Broadcast& alarms() { return alarms_; }

    // Notified of every change; for serial lines, by tell().
    os::Broadcast& changed() { return changed_; }

private:
    struct State {
        explicit State(KeptText empty) : text(std::move(empty)) {}

        KeptText text;
        std::string unfinished; // at the end of the text
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
