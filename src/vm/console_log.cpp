#include <ntd/vm/console_log.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace ntd::vm {

namespace {

constexpr std::size_t tail_size = 50;
constexpr std::size_t longest_in_tail = 2000; // lines may have a mebibyte

// Texts of the kernel, of systemd's emergency.service and of sulogin(8).
constexpr std::array<std::string_view, 4> dead_ends{
    "Kernel panic - not syncing",
    "You are in emergency mode",
    "Cannot open access to console, the root account is locked",
    "Entering emergency mode. Exit the shell to continue",
};

bool is_dead_end(std::string_view line) {
    return std::any_of(dead_ends.begin(), dead_ends.end(),
                       [&](std::string_view text) { return line.find(text) != line.npos; });
}

} // namespace

ConsoleLog::ConsoleLog(std::filesystem::path directory, KeptTextLimits limits)
    : state_(State(KeptText(std::move(directory), limits))) {}

void ConsoleLog::add_serial(std::string_view line) {
    add(line, true);
}

void ConsoleLog::add_stderr(std::string_view line) {
    add(line, false);
}

void ConsoleLog::add(std::string_view line, bool serial) {
    auto clean = valid_utf8(line);
    state_.with([&](State& state) {
        if (serial) {
            state.text.append(clean);
            state.text.append("\n");
            if (!state.dead_end && is_dead_end(clean))
                state.dead_end = printable(clean.substr(0, longest_in_tail));
        }
        if (clean.size() > longest_in_tail)
            clean = clean.substr(0, longest_in_tail) + "...";
        state.tail.push_back(std::move(clean));
        if (state.tail.size() > tail_size)
            state.tail.pop_front();
        state.last_activity = Deadline::Clock::now();
    });
    changed_.notify();
}

void ConsoleLog::close() {
    state_.with([](State& state) { state.closed = true; });
    changed_.notify();
}

void ConsoleLog::clear() {
    state_.with([](State& state) {
        state.text.clear();
        state = State(std::move(state.text));
    });
}

ConsoleLog::Part ConsoleLog::part(std::size_t from, std::size_t most) const {
    return state_.with([&](const State& state) {
        const auto size = state.text.size();
        const auto begin = std::clamp(from, state.text.begin(), size);
        auto text = state.text.read(begin, most);
        auto end = begin + text.size() == size ? text.size() : text.rfind('\n') + 1;
        while (begin + end < size && end == 0) { // one line is longer
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
        const auto line = text.find('\n') + 1; // the first one is a rest
        return fmt::format("({} bytes before this are gone)\n", gone + line) + text.substr(line);
    });
}

std::size_t ConsoleLog::size() const {
    return state_.with([](const State& state) { return state.text.size(); });
}

std::string ConsoleLog::tail(std::size_t lines) const {
    return state_.with([&](const State& state) {
        const auto skip = state.tail.size() - std::min(lines, state.tail.size());
        std::vector<std::string> last;
        for (std::size_t i = skip; i < state.tail.size(); ++i)
            last.push_back(printable(state.tail[i]));
        return join(last, "\n");
    });
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

} // namespace ntd::vm
