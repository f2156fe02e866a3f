#include <ntd/machine/console_log.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace ntd::machine {

namespace {

constexpr std::size_t tail_size = 50;
constexpr std::size_t longest_in_tail = 2000; // lines may be as long as a mebibyte

// Messages of the kernel, systemd's emergency.service and sulogin(8).
constexpr std::array<std::string_view, 4> dead_ends{
    "Kernel panic - not syncing",
    "You are in emergency mode",
    "Cannot open access to console, the root account is locked",
    "Entering emergency mode. Exit the shell to continue",
};

// The start of the first message of a Linux kernel.
constexpr std::string_view kernel_start = "Linux version ";

bool has(std::string_view line, std::string_view text) {
    return line.find(text) != line.npos;
}

bool is_dead_end(std::string_view line) {
    return std::any_of(dead_ends.begin(), dead_ends.end(),
                       [&](std::string_view text) { return has(line, text); });
}

// "Out of memory: Killed process 123 (bash) total-vm:..."
bool is_end_of_a_shell(std::string_view line) {
    return has(line, "Killed process") && has(line, "(bash)");
}

} // namespace

ConsoleLog::ConsoleLog(std::filesystem::path directory, KeptTextLimits limits)
    : state_(State(KeptText(std::move(directory), limits))) {}

void ConsoleLog::add_serial(std::string_view line) {
    add(line, true);
}

void ConsoleLog::add_stderr(std::string_view line) {
    add(line, false);
    tell();
}

void ConsoleLog::tell() {
    state_.with([](State& state) { state.last_activity = Deadline::Clock::now(); });
    changed_.notify();
}

void ConsoleLog::add(std::string_view line, bool serial) {
    auto clean = valid_utf8(line);
    bool alarming = false;
    state_.with([&](State& state) {
        const auto shown =
            serial ? std::min(std::exchange(state.unfinished, {}).size(), line.size()) : 0;
        state.text.append(shown == 0 ? clean : valid_utf8(line.substr(shown)));
        state.text.append("\n");
        if (serial)
            alarming = take_news(state, clean);
        if (clean.size() > longest_in_tail)
            clean = clean.substr(0, longest_in_tail) + "...";
        state.tail.push_back(std::move(clean));
        if (state.tail.size() > tail_size)
            state.tail.pop_front();
    });
    if (alarming)
        alarms_.notify();
}

std::string ConsoleLog::add_unfinished(std::string_view line) {
    auto piece = state_.with([&](State& state) {
        auto more = valid_utf8(line.substr(std::min(state.unfinished.size(), line.size())));
        state.text.append(more);
        state.unfinished = line;
        state.last_activity = Deadline::Clock::now();
        return more;
    });
    changed_.notify();
    return piece;
}

// Updates dead_end and alarm. Returns whether the line is an alarm.
bool ConsoleLog::take_news(State& state, std::string_view line) {
    const bool dead_end = is_dead_end(line);
    const auto shown = [&] { return printable(line.substr(0, longest_in_tail)); };
    if (has(line, kernel_start))
        state.dead_end.reset();
    else if (dead_end && !state.dead_end)
        state.dead_end = shown();
    if (!dead_end && !is_end_of_a_shell(line))
        return false;
    state.alarm = {state.alarm.count + 1, shown()};
    return true;
}

void ConsoleLog::close() {
    state_.with([](State& state) { state.closed = true; });
    changed_.notify();
}

void ConsoleLog::clear() {
    state_.with([](State& state) {
        state.text.clear();
        const auto alarms = state.alarm.count; // the count never goes back
        state = State(std::move(state.text));
        state.alarm.count = alarms;
    });
}

ConsoleLog::Part ConsoleLog::part(std::size_t from, std::size_t most) const {
    return state_.with([&](const State& state) {
        const auto size = state.text.size();
        const auto begin = std::clamp(from, state.text.begin(), size);
        auto text = state.text.read(begin, most);
        auto end = begin + text.size() == size ? text.size() : text.rfind('\n') + 1;
        while (begin + end < size && end == 0) { // a line is longer than `most`
            most = 2 * most + 1;
            text = state.text.read(begin, most);
            end = text.find('\n') + 1;
        }
        text.resize(end);
        return Part{begin, std::move(text), begin + end < size};
    });
}

std::string ConsoleLog::all() const {
    return state_.with([](const State& state) {
        const auto gone = state.text.begin();
        auto text = state.text.read(gone, state.text.size());
        if (gone == 0)
            return text;
        const auto line = text.find('\n') + 1; // skip the rest of a cut line
        return fmt::format("({} bytes before this are gone)\n", gone + line) + text.substr(line);
    });
}

std::size_t ConsoleLog::size() const {
    return state_.with([](const State& state) { return state.text.size(); });
}

std::string ConsoleLog::tail(std::size_t lines) const {
    return state_.with([&](const State& state) {
        std::vector<std::string> last;
        for (const auto& line : state.tail)
            last.push_back(printable(line));
        if (!state.unfinished.empty())
            last.push_back(printable(state.unfinished.substr(0, longest_in_tail)));
        const auto skip = last.size() - std::min(lines, last.size());
        return join(std::span(last).subspan(skip), "\n");
    });
}

std::string ConsoleLog::last_output(std::size_t lines) const {
    const auto last = tail(lines);
    return last.empty() ? "it had no output" : "its last output was:\n" + last;
}

std::size_t ConsoleLog::consumed() const {
    return state_.with([](const State& state) { return state.consumed; });
}

void ConsoleLog::consume_to(std::size_t position) {
    state_.with([&](State& state) {
        state.consumed = std::clamp(position, state.consumed, state.text.size());
    });
}

bool ConsoleLog::closed() const {
    return state_.with([](const State& state) { return state.closed; });
}

Deadline::Clock::time_point ConsoleLog::last_activity() const {
    return state_.with([](const State& state) { return state.last_activity; });
}

std::optional<std::string> ConsoleLog::dead_end() const {
    return state_.with([](const State& state) { return state.dead_end; });
}

ConsoleLog::Alarm ConsoleLog::alarm() const {
    return state_.with([](const State& state) { return state.alarm; });
}

} // namespace ntd::machine
