#include <ntd/log/log.h>

#include "wording.h"

#include <ntd/base/forks.h>
#include <ntd/log/terminal_text.h>

#include <atomic>
#include <exception>
#include <set>
#include <utility>

namespace ntd::log {

namespace {

// How many bytes may be unread while more console lines arrive.
constexpr std::size_t console_backlog = 1 << 18;

std::atomic<std::uint64_t> last_scope_id = 0;
thread_local std::uint64_t current_scope = 0; // innermost open scope of this thread
thread_local int current_line = 0;            // see set_script_line()

// The log belongs to the driver process. A fork writes its messages to its own stderr.
void say_in_fork(const decltype(Event::what)& what) noexcept {
    if (const auto* line = std::get_if<Line>(&what))
        say(line->text);
    else if (const auto* error = std::get_if<TestError>(&what))
        say(error->text);
}

} // namespace

void set_script_line(int line) noexcept {
    current_line = line;
}

Scope::Scope(Log& log, ScopeKind kind, std::string machine, std::string text)
    : log_(log), machine_(std::move(machine)), kind_(kind), text_(std::move(text)),
      id_(++last_scope_id), outer_(current_scope), exceptions_(std::uncaught_exceptions()),
      begin_(std::chrono::steady_clock::now()) {
    log_.write(machine_, ScopeBegin{id_, kind_, text_});
    current_scope = id_;
}

Scope::~Scope() {
    if (std::uncaught_exceptions() > exceptions_)
        end("ended by an exception");
    else
        end();
}

void Scope::end(std::optional<std::string> failure) noexcept {
    if (!std::exchange(open_, false))
        return;
    current_scope = outer_;
    const auto took = std::chrono::steady_clock::now() - begin_;
    log_.write(machine_, ScopeEnd{id_, kind_, text_, took, std::move(failure)});
}

void Log::add_sink(std::unique_ptr<LogSink> sink) {
    const std::lock_guard lock(mutex_);
    sinks_.push_back(std::move(sink));
}

void Log::line(std::string_view machine, Level level, std::string_view text) noexcept {
    write(machine, Line{level, std::string(text)});
}

void Log::serial(std::string_view machine, std::string_view text) noexcept {
    write(machine, Serial{text});
}

void Log::output(std::string_view machine, std::string_view text) noexcept {
    write(machine, Output{std::string(text)});
}

void Log::test_error(std::string_view text) noexcept {
    write({}, TestError{.text = std::string(text)});
}

void Log::skipped(std::string_view subtest) noexcept {
    write({}, SubtestSkip{std::string(subtest)});
}

void Log::write(std::string_view machine, decltype(Event::what) what) noexcept {
    if (is_fork())
        return say_in_fork(what);
    const Event event{.time = std::chrono::system_clock::now(),
                      .machine = std::string(machine),
                      .parent = current_scope,
                      .what = std::move(what),
                      .at = std::chrono::steady_clock::now(),
                      .line = current_line};
    {
        const std::lock_guard lock(mutex_);
        note(event);
        for (const auto& sink : sinks_)
            sink->write(event);
    }
    settle(std::holds_alternative<Serial>(event.what) ? console_backlog : 0);
}

// Called with the lock held.
void Log::note(const Event& event) {
    if (const auto* begin = std::get_if<ScopeBegin>(&event.what))
        open_.insert_or_assign(begin->id, OpenScope{.id = begin->id,
                                                    .outer = event.parent,
                                                    .machine = event.machine,
                                                    .text = heading(begin->kind, begin->text),
                                                    .begin = event.at,
                                                    .line = event.line,
                                                    .saw = {}});
    else if (const auto* end = std::get_if<ScopeEnd>(&event.what))
        open_.erase(end->id);
}

void Log::looked(std::string saw) noexcept {
    if (is_fork())
        return;
    const std::lock_guard lock(mutex_);
    const auto found = open_.find(current_scope);
    if (found == open_.end())
        return;
    ++found->second.looks;
    found->second.saw = std::move(saw);
}

std::optional<OpenScope> Log::here() const {
    if (is_fork())
        return std::nullopt;
    const std::lock_guard lock(mutex_);
    const auto found = open_.find(current_scope);
    return found == open_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<OpenScope> Log::open_scopes() const {
    if (is_fork())
        return {};
    const std::lock_guard lock(mutex_);
    std::set<std::uint64_t> outer;
    for (const auto& [id, scope] : open_)
        outer.insert(scope.outer);
    std::vector<OpenScope> innermost;
    for (const auto& [id, scope] : open_)
        if (!outer.contains(id))
            innermost.push_back(scope);
    return innermost;
}

void Log::prepare_for_end() noexcept {
    if (is_fork())
        return;
    for (const auto& sink : sinks_)
        sink->prepare_for_end();
}

void Log::flush() noexcept {
    if (is_fork())
        return;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& sink : sinks_)
            sink->flush();
    }
    settle(0);
}

void Log::drain() noexcept {
    if (is_fork())
        return;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& sink : sinks_)
            sink->drain();
    }
    settle(console_backlog);
}

void Log::settle(std::size_t but_for) noexcept {
    for (const auto& sink : sinks_)
        sink->settle(but_for);
}

} // namespace ntd::log
