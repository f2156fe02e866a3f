#include "record_reader.h"

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/base/unique_fd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <utility>

namespace ntd::report {

namespace {

using Json = nlohmann::json;

constexpr std::size_t longest_line = std::size_t{64} << 20;  // the script is on one line
constexpr std::size_t longest_text = 1 << 16;                // of one step
constexpr std::size_t most_steps = std::size_t{48} << 20;    // bytes
constexpr std::size_t most_consoles = std::size_t{64} << 20; // bytes of all consoles
constexpr std::size_t cost_of_step = 1 << 10;                // of a step without text
constexpr int deepest = 30;                                  // browsers do not nest without limit

std::string text_of(const Json& event, const char* key = "text") {
    return event.value(key, std::string());
}

std::size_t cost(const Step& step) {
    return cost_of_step + step.text.size() + step.output.size() + step.failure.size();
}

class Reader {
public:
    void add(std::string_view line);
    Story take() { return std::move(story_); }

private:
    void add_event(const Json& event);
    void add_run(const Json& event);
    void add_step(const Json& event, const std::string& kind);
    void add_command(const Json& event);
    void add_output(const Json& event);
    void add_life(const Json& event);
    void end_scope(const Json& event);
    Step& append(const Json& event, Kind kind);
    Step& scope_of(const Json& event);
    void keep_small();
    bool forget(Step& step);

    Story story_;
    std::map<std::uint64_t, Step*> open_;
    std::uint64_t events_ = 0;
    std::size_t size_ = 0;           // of all steps
    std::size_t next_to_forget_ = 1; // index of a step
};

void Reader::add(std::string_view line) {
    ++events_;
    const auto event = Json::parse(line, nullptr, false);
    try {
        if (event.is_object())
            return add_event(event);
    } catch (const Json::exception&) { // a value of another type
    }
    ++story_.damaged_lines;
}

void Reader::add_event(const Json& event) {
    const auto kind = text_of(event, "kind");
    if (kind == "run")
        return add_run(event);
    const double at = std::max(event.value("at", 0.0), 0.0);
    story_.end = std::max(story_.end, at);
    if (kind == "serial")
        story_.machine(text_of(event, "machine")).console.add(at, text_of(event));
    else if (kind == "end")
        end_scope(event);
    else if (kind == "cut")
        story_.cut = true;
    else
        add_step(event, kind);
}

void Reader::add_step(const Json& event, const std::string& kind) {
    if (kind == "command")
        return add_command(event);
    if (kind == "output")
        return add_output(event);
    if (kind == "life")
        return add_life(event);
    if (kind == "begin") {
        Step& step = append(event, event.value("subtest", false) ? Kind::subtest : Kind::scope);
        step.number = event.value("id", std::uint64_t{0});
        step.took.reset();
        open_[step.number] = &step;
    } else if (kind == "message") {
        append(event, Kind::message).level = text_of(event, "level");
    } else if (kind == "error") {
        append(event, Kind::error).failed = true;
    } else if (kind == "picture") {
        Step& step = append(event, Kind::picture);
        step.text = text_of(event, "file");
        story_.machine(step.machine).last_picture = &step;
    }
}

void Reader::add_run(const Json& event) {
    story_.version = text_of(event, "version");
    story_.time = text_of(event, "time");
    story_.script = text_of(event, "script");
    story_.script_name = text_of(event, "script_name");
    const auto machines = event.value("machines", Json::array());
    story_.most_of_console =
        std::min(story_.most_of_console, most_consoles / std::max<std::size_t>(machines.size(), 1));
    for (const auto& machine : machines)
        story_.machine(text_of(machine, "name")).kind = text_of(machine, "kind");
}

// A wait asks again and again. What is the same each time is shown once.
void Reader::add_command(const Json& event) {
    Step& step = append(event, Kind::command);
    step.status = event.value("status", 0);
    step.timed_out = event.value("timed_out", false);
    step.cut = event.value("cut", std::size_t{0});
    step.took = event.value("took", 0.0);
    step.at = std::max(step.at - *step.took, 0.0); // the event comes at its end
    step.output = tail(text_of(event, "output"), longest_text);
    size_ += step.output.size();

    auto& all = step.outer->inner;
    if (all.size() < 2)
        return;
    Step& before = **(all.end() - 2);
    const bool same = before.kind == Kind::command && before.machine == step.machine &&
                      before.text == step.text && before.status == step.status &&
                      before.output == step.output;
    // The output was also sent while the command ran.
    const bool is_its_output = before.kind == Kind::output && before.machine == step.machine;
    if (!before.forgotten && (same || is_its_output)) {
        step.times += same ? before.times : 0;
        step.took = step.end() - before.at;
        step.at = before.at;
        size_ -= cost(before);
        before.forgotten = true;
        before.text.clear();
        before.output.clear();
        all.erase(all.end() - 2);
    }
}

void Reader::add_output(const Json& event) {
    Step& outer = scope_of(event);
    Step* last = outer.inner.empty() ? nullptr : outer.inner.back();
    if (last == nullptr || last->kind != Kind::output || last->machine != text_of(event, "machine"))
        last = &append(event, Kind::output);
    else
        size_ -= last->text.size(), last->text += text_of(event), size_ += last->text.size();
    if (last->text.size() > 2 * longest_text) {
        const auto before = last->text.size();
        last->text = tail(last->text, longest_text);
        last->cut += before - last->text.size();
        size_ -= before - last->text.size();
    }
}

void Reader::add_life(const Json& event) {
    Step& step = append(event, Kind::life);
    step.text = text_of(event, "what");
    auto& phases = story_.machine(step.machine).phases;
    if (step.text == "reset" && !phases.empty())
        phases.back().ended = step.at;
    if (step.text == "started" || step.text == "reset")
        phases.push_back({.started = step.at});
    else if (!phases.empty())
        (step.text == "up" ? phases.back().up : phases.back().ended) = step.at;
}

void Reader::end_scope(const Json& event) {
    const auto found = open_.extract(event.value("id", std::uint64_t{0}));
    if (!found)
        return;
    Step& step = *found.mapped();
    step.took = event.value("took", 0.0);
    if (!event.contains("failure"))
        return;
    step.failed = true;
    step.failure = tail(text_of(event, "failure"), longest_text);
    size_ += step.failure.size();
}

Step& Reader::append(const Json& event, Kind kind) {
    Step& outer = scope_of(event);
    Step& step = story_.steps.emplace_back();
    step.kind = kind;
    step.number = events_;
    step.at = std::max(event.value("at", 0.0), 0.0);
    step.took = 0;
    step.line = event.value("line", 0);
    step.machine = text_of(event, "machine");
    step.text = tail(text_of(event), longest_text);
    step.outer = &outer;
    step.depth = outer.depth + 1;
    outer.inner.push_back(&step);
    if (!step.machine.empty())
        story_.machine(step.machine);
    size_ += cost(step);
    keep_small();
    return step;
}

Step& Reader::scope_of(const Json& event) {
    const auto found = open_.find(event.value("scope", std::uint64_t{0}));
    Step* scope = found != open_.end() ? found->second : &story_.steps.front();
    while (scope->depth > deepest)
        scope = scope->outer;
    return *scope;
}

// Failures are mostly explained by what came last.
void Reader::keep_small() {
    const auto last = story_.steps.size() - 1;
    while (size_ > most_steps && next_to_forget_ < last)
        if (forget(story_.steps[next_to_forget_++]))
            ++story_.steps[next_to_forget_ - 1].outer->forgotten_inner;
}

bool Reader::forget(Step& step) {
    if (step.forgotten || step.failed || step.did_not_end())
        return false;
    size_ -= cost(step);
    step.forgotten = true;
    step.output = std::string();
    step.text = std::string();
    if (step.kind == Kind::picture && story_.machine(step.machine).last_picture == &step)
        story_.machine(step.machine).last_picture = nullptr;
    return true;
}

} // namespace

Story read_record(const std::filesystem::path& record) {
    const UniqueFd file(::open(record.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!file)
        throw_errno("open the record '{}'", record.string());
    Reader reader;
    LineSplitter lines(longest_line);
    std::array<char, 1 << 16> buffer{};
    while (const ssize_t count = ::read(file.get(), buffer.data(), buffer.size())) {
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            throw_errno("read the record '{}'", record.string());
        lines.feed({buffer.data(), static_cast<std::size_t>(count)});
        while (const auto line = lines.next())
            reader.add(*line);
    }
    if (const auto rest = lines.take_rest(); !rest.empty())
        reader.add(rest);
    return reader.take();
}

} // namespace ntd::report
