#include <ntd/machine/commands.h>

#include <ntd/base/text.h>

#include <algorithm>

namespace ntd::machine {

namespace {

constexpr std::size_t most_lines = 20; // of a command's output
constexpr std::size_t most_bytes = std::size_t{8} << 10;

// The last lines of a command's output.
std::string_view last_lines(std::string_view output) {
    output = trim_right(output);
    output.remove_prefix(output.size() - std::min(output.size(), most_bytes));
    auto begin = output.size();
    for (std::size_t lines = 0; lines < most_lines && begin != output.npos && begin > 0; ++lines)
        begin = output.rfind('\n', begin - 1);
    return begin == output.npos || begin == 0 ? output : output.substr(begin + 1);
}

std::string how_it_ended(const std::optional<log::Command>& end) {
    if (!end)
        return "did not end";
    const auto& command = *end;
    if (command.timed_out)
        return fmt::format("was ended after {:.1f} s, its time limit", command.took.count());
    return fmt::format("ended with exit code {} after {:.1f} s", command.status,
                       command.took.count());
}

} // namespace

Commands::Entry::Entry(Commands& all, std::string_view command)
    : what{shortened(command), std::chrono::steady_clock::now()}, all_(all) {
    number_ = all_.content_.with([this](Content& content) {
        content.running.emplace(++content.last_number, what);
        return content.last_number;
    });
}

Commands::Entry::~Entry() {
    all_.content_.with([this](Content& content) {
        content.running.erase(number_);
        if (!has_ended)
            content.last = Last{what.text, std::nullopt};
    });
}

void Commands::note_end(Entry& entry, const ExecResult& result) {
    const auto last = last_lines(result.output);
    const log::Command command{.text = entry.what.text,
                               .status = result.status,
                               .timed_out = result.timed_out,
                               .output = valid_utf8(last),
                               .cut = trim_right(result.output).size() - last.size(),
                               .took = std::chrono::steady_clock::now() - entry.what.begin};
    entry.has_ended = true;
    content_.with([&](Content& content) { content.last = Last{entry.what.text, command}; });
    log_.write(machine_, command);
}

std::vector<Commands::Running> Commands::running() const {
    return content_.with([](const Content& content) {
        std::vector<Running> all;
        for (const auto& [number, running] : content.running)
            all.push_back(running);
        return all;
    });
}

std::optional<Commands::Last> Commands::last() const {
    return content_.with([](const Content& content) { return content.last; });
}

std::string described(const Commands& commands) {
    std::vector<std::string> parts;
    for (const auto& running : commands.running()) {
        const Seconds lasted = std::chrono::steady_clock::now() - running.begin;
        parts.push_back(fmt::format("`{}` has been running for {:.1f} s", valid_utf8(running.text),
                                    lasted.count()));
    }
    if (const auto last = commands.last())
        parts.push_back(fmt::format("{}`{}` {}",
                                    parts.empty() ? "its last command " : "before that, ",
                                    valid_utf8(last->text), how_it_ended(last->end)));
    return join(parts, "; ");
}

} // namespace ntd::machine
