#pragma once

#include <ntd/log/open_scope.h>
#include <ntd/log/sink.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace ntd::log {

class Log;

// An open scope. It ends with end() or the destructor; an exception in flight is then recorded as
// the scope's failure. Use it on one thread only.
class [[nodiscard]] Scope {
public:
    Scope(Log& log, ScopeKind kind, std::string machine, std::string text);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    Scope(Scope&&) = delete;
    Scope& operator=(Scope&&) = delete;

    void end(std::optional<std::string> failure = std::nullopt) noexcept;

private:
    Log& log_;
    std::string machine_;
    ScopeKind kind_;
    std::string text_;
    std::uint64_t id_;
    std::uint64_t outer_;
    int exceptions_;
    std::chrono::steady_clock::time_point begin_;
    bool open_ = true;
};

// The test log. Takes events from any thread and passes each to every sink, in the same order for
// all. When a call returns, the event has reached its readers, unless they are slow (see Outlet);
// console lines arrive a little later. Never throws after construction, because error handling uses
// it.
class Log {
public:
    // Add all sinks before a second thread uses the log.
    void add_sink(std::unique_ptr<LogSink> sink);

    void debug(std::string_view text) noexcept { line({}, Level::debug, text); }
    void info(std::string_view text) noexcept { line({}, Level::info, text); }
    void warning(std::string_view text) noexcept { line({}, Level::warning, text); }
    void error(std::string_view text) noexcept { line({}, Level::error, text); }

    void line(std::string_view machine, Level level, std::string_view text) noexcept;
    void serial(std::string_view machine, std::string_view text) noexcept;
    void output(std::string_view machine, std::string_view text) noexcept;
    void test_error(std::string_view text) noexcept;
    void skipped(std::string_view subtest) noexcept;
    void prepare_for_end() noexcept;
    void flush() noexcept;
    void drain() noexcept;

    void write(std::string_view machine, decltype(Event::what) what) noexcept;

    // Records that the wait in the innermost scope of this thread has looked in vain, and what it
    // saw.
    void looked(std::string saw) noexcept;

    // The innermost open scope of this thread; the innermost ones of all threads, by their begin.
    std::optional<OpenScope> here() const;
    std::vector<OpenScope> open_scopes() const;

private:
    void note(const Event& event);
    void settle(std::size_t but_for) noexcept;

    mutable std::mutex mutex_; // held while the sinks are called; guards the members below
    std::vector<std::unique_ptr<LogSink>> sinks_;
    std::map<std::uint64_t, OpenScope> open_; // by id
};

} // namespace ntd::log
