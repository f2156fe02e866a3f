#pragma once

#include <ntd/log/event.h>

#include <cstddef>

namespace ntd::log {

// One form of the test log. Log calls it with one event at a time, from any thread, under a lock.
// A sink that cannot write gives up silently or says so once on stderr: the log must not fail a
// test, and it is used by destructors.
class LogSink {
public:
    virtual ~LogSink() = default;
    virtual void write(const Event& event) noexcept = 0;

    // Everything written so far is out: on the terminal, in the file, complete as a document where
    // the format allows it. May be called more than once, also just before the process is killed.
    virtual void flush() noexcept = 0;

    // The process is about to end: what is written from here on must not be left to anybody else.
    // Called without the lock.
    virtual void prepare_for_end() noexcept {}

    // No more events are at hand just now: what was gathered into one write should go out.
    virtual void drain() noexcept {}

    // Called without the lock, after each of the others: a place to wait for whoever reads this
    // form, but never for long, until it has all but so many bytes.
    virtual void settle(std::size_t /*but_for*/) noexcept {}
};

} // namespace ntd::log
