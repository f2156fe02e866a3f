#pragma once

#include <ntd/log/event.h>

#include <cstddef>

namespace ntd::log {

// One output format of the test log. Log calls write() with one event at a time, from any thread,
// under a lock. A sink that cannot write gives up silently or reports it once on stderr: the log
// must not fail a test, and destructors use it.
class LogSink {
public:
    virtual ~LogSink() = default;
    virtual void write(const Event& event) noexcept = 0;

    // Puts out all events so far: to the terminal, or to the file as a complete document where the
    // format allows it. May be called more than once, also just before the process is killed.
    virtual void flush() noexcept = 0;

    // The process is about to end: from now on, do not rely on other threads or processes to show
    // events. Called without the lock.
    virtual void prepare_for_end() noexcept {}

    // No more events are pending: write out what was buffered.
    virtual void drain() noexcept {}

    // Called after each of the other calls, without the lock. May wait for the reader of this
    // format, but not for long, until at most `but_for` bytes are unread.
    virtual void settle(std::size_t /*but_for*/) noexcept {}
};

} // namespace ntd::log
