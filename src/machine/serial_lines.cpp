#include <ntd/machine/serial_lines.h>

#include <algorithm>
#include <utility>

namespace ntd::machine {

namespace {

using namespace std::chrono_literals;

// A busy or emulated guest also pauses within a line.
constexpr auto quiet = 500ms;
constexpr auto longest_wait = 2s;

// The line without an incomplete end: half of a two-byte line end, or of a character.
std::string_view whole_part(std::string_view line) {
    const auto characters =
        utf8_characters(line.substr(line.size() - std::min<std::size_t>(line.size(), 4)));
    for (auto last = characters.rbegin(); last != characters.rend(); ++last) {
        const bool is_half = last->size() == 1 && (last->front() == '\r' || last->front() < 0);
        if (!is_half)
            break;
        line.remove_suffix(1);
    }
    return line;
}

// The part that a terminal would show: a progress bar is rewritten after each carriage return.
std::string_view last_frame(std::string_view piece) {
    const auto start = piece.rfind('\r');
    return start == piece.npos ? piece : piece.substr(start + 1);
}

// Logs the line first: a script that waits for the line may then switch the serial log on, which
// must not affect this line.
void add_serial_line(std::string_view line,
                     const std::string& machine,
                     ConsoleLog& console,
                     const Host& host) {
    host.log.serial(machine, line);
    console.add_serial(line);
}

} // namespace

std::size_t add_serial_lines(LineSplitter& lines,
                             const std::string& machine,
                             ConsoleLog& console,
                             const Host& host) {
    std::size_t count = 0;
    for (; const auto line = lines.next(); ++count)
        add_serial_line(*line, machine, console, host);
    if (count > 0)
        console.tell();
    return count;
}

SerialLines::SerialLines(std::string machine, ConsoleLog& console, const Host& host)
    : machine_(std::move(machine)), console_(console), host_(host) {}

void SerialLines::feed(std::string_view bytes) {
    lines_.feed(bytes);
    const auto count = add_serial_lines(lines_, machine_, console_, host_);
    const bool is_new = count > 0 || !is_waiting_; // is the unfinished line new?
    quiet_ = Deadline::after(quiet);
    if (is_new)
        longest_ = Deadline::after(longest_wait);
    if (is_waiting_ || lines_.unfinished().empty())
        return;
    is_waiting_ = true;
    look_again();
}

void SerialLines::look_again() {
    if (quiet_.passed() || longest_.passed()) {
        is_waiting_ = false;
        return show_unfinished();
    }
    timer_ = host_.loop.at(sooner(quiet_, longest_), [this] { look_again(); });
}

void SerialLines::show_unfinished() {
    const auto piece = console_.add_unfinished(whole_part(lines_.unfinished()));
    if (const auto frame = last_frame(piece); !frame.empty())
        host_.log.serial(machine_, frame);
    host_.log.drain();
}

void SerialLines::finish() {
    if (const auto rest = lines_.take_rest(); !rest.empty()) {
        add_serial_line(rest, machine_, console_, host_);
        console_.tell();
    }
}

} // namespace ntd::machine
