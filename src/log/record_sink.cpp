#include <ntd/log/record_sink.h>

#include <ntd/base/forks.h>
#include <ntd/base/text.h>
#include <ntd/base/write_all.h>

#include <nlohmann/json.hpp>

#include <cmath>
#include <ctime>
#include <utility>

namespace ntd::log {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t most_pending = 1 << 16;

// JSON has no other text than UTF-8.
void put_text(Json& to, const char* key, std::string_view text) {
    if (!text.empty())
        to[key] = valid_utf8(text);
}

template <typename Number>
void put_number(Json& to, const char* key, Number number) {
    if (number != Number{})
        to[key] = number;
}

// In microseconds, as more digits only make the record longer.
double seconds(std::chrono::duration<double> time) {
    return std::round(time.count() * 1e6) / 1e6;
}

std::string utc(std::chrono::system_clock::time_point time) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    char text[sizeof "2000-01-01T00:00:00Z"];
    return {text, std::strftime(text, sizeof text, "%FT%TZ", &parts)};
}

const char* name_of(Level level) {
    switch (level) {
    case Level::debug:
        return "debug";
    case Level::info:
        return "info";
    case Level::warning:
        return "warning";
    case Level::error:
        return "error";
    }
    return "";
}

const char* name_of(Life::What what) {
    switch (what) {
    case Life::What::started:
        return "started";
    case Life::What::up:
        return "up";
    case Life::What::reset:
        return "reset";
    case Life::What::ended:
        return "ended";
    }
    return "";
}

void put(Json& to, const Line& line) {
    to["kind"] = "message";
    to["level"] = name_of(line.level);
    put_text(to, "text", line.text);
}

void put(Json& to, const Serial& serial) {
    to["kind"] = "serial";
    put_text(to, "text", serial.text);
}

void put(Json& to, const Output& output) {
    to["kind"] = "output";
    put_text(to, "text", output.text);
}

void put(Json& to, const ScopeBegin& scope) {
    to["kind"] = "begin";
    to["id"] = scope.id;
    put_number(to, "subtest", scope.kind == ScopeKind::subtest);
    put_text(to, "text", scope.text);
}

// A failure without a message is one, too.
void put(Json& to, const ScopeEnd& scope) {
    to["kind"] = "end";
    to["id"] = scope.id;
    put_number(to, "took", seconds(scope.took));
    if (scope.failure)
        to["failure"] = valid_utf8(*scope.failure);
}

void put(Json& to, const TestError& error) {
    to["kind"] = "error";
    put_number(to, "summary", error.is_summary);
    put_text(to, "text", error.text);
}

void put(Json& to, const SubtestSkip& subtest) {
    to["kind"] = "skip";
    put_text(to, "text", subtest.name);
}

void put(Json& to, const Command& command) {
    to["kind"] = "command";
    put_text(to, "text", command.text);
    put_number(to, "status", command.status);
    put_number(to, "timed_out", command.timed_out);
    put_text(to, "output", command.output);
    put_number(to, "cut", command.cut);
    put_number(to, "took", seconds(command.took));
}

void put(Json& to, const Life& life) {
    to["kind"] = "life";
    to["what"] = name_of(life.what);
}

void put(Json& to, const Picture& picture) {
    to["kind"] = "picture";
    put_text(to, "file", picture.file);
}

Json json_of(const RecordedRun& run) {
    Json json{{"kind", "run"}};
    put_text(json, "version", run.version);
    json["time"] = utc(run.time);
    put_text(json, "script", run.script);
    put_text(json, "script_name", run.script_name);
    json["machines"] = Json::array();
    for (const auto& machine : run.machines)
        json["machines"].push_back({{"name", valid_utf8(machine.name)}, {"kind", machine.kind}});
    return json;
}

} // namespace

RecordSink::RecordSink(UniqueFd file, const RecordedRun& run, std::size_t most)
    : file_(std::move(file)), most_(most) {
    add(json_of(run).dump());
    send();
}

RecordSink::~RecordSink() {
    if (!is_fork())
        send();
}

void RecordSink::write(const Event& event) noexcept {
    try {
        if (error_ != 0 || leaves_out(event))
            return;
        Json json{{"at", seconds(event.at - begin_)}};
        put_text(json, "machine", event.machine);
        put_number(json, "scope", event.parent);
        put_number(json, "line", event.line);
        std::visit([&](const auto& what) { put(json, what); }, event.what);
        add(json.dump());
    } catch (...) { // no memory: there is no way to report it
    }
    if (!std::holds_alternative<Serial>(event.what) || pending_.size() > most_pending)
        send();
}

bool RecordSink::leaves_out(const Event& event) {
    const bool endless =
        std::holds_alternative<Serial>(event.what) || std::holds_alternative<Output>(event.what);
    if (!endless || size_ < most_)
        return false;
    if (!std::exchange(cut_, true))
        add(Json{{"at", seconds(event.at - begin_)}, {"kind", "cut"}}.dump());
    return true;
}

void RecordSink::add(std::string_view json) {
    pending_.append(json).push_back('\n');
    size_ += json.size() + 1;
}

void RecordSink::send() noexcept {
    if (error_ == 0)
        error_ = write_all(file_.get(), pending_);
    pending_.clear();
}

} // namespace ntd::log
