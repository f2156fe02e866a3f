#pragma once

#include <ntd/log/sink.h>

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace ntd::log {

class Log;

// An open scope; ends with end() or with its destructor, which takes an exception in flight for
// the scope's failure. Lives on one thread.
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

// The test log: takes events from any thread and hands each to every sink, in one order. An event
// has reached its readers when the call returns, if they read at all; consoles' lines a little
// later. Never throws once built: it is used while things go wrong.
class Log {
public:
    // Sinks are added before the log is used by more than one thread.
    void add_sink(std::unique_ptr<LogSink> sink);

    void debug(std::string_view text) noexcept { line({}, Level::debug, text); }
    void info(std::string_view text) noexcept { line({}, Level::info, text); }
    void warning(std::string_view text) noexcept { line({}, Level::warning, text); }
    void error(std::string_view text) noexcept { line({}, Level::error, text); }

    void line(std::string_view machine, Level level, std::string_view text) noexcept;
    void serial(std::string_view machine, std::string_view text) noexcept;
    void output(std::string_view machine, std::string_view text) noexcept;
    void test_error(std::string_view text) noexcept;
    void prepare_for_end() noexcept;
    void flush() noexcept;
    void drain() noexcept;

    void write(std::string_view machine, decltype(Event::what) what) noexcept;

private:
    void settle(std::size_t but_for) noexcept;

    std::mutex mutex_; // whoever holds it calls the sinks
    std::vector<std::unique_ptr<LogSink>> sinks_;
};

} // namespace ntd::log
