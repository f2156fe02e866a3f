#pragma once

#include <ntd/base/unique_fd.h>
#include <ntd/log/sink.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ntd::log {

// What the record says of the run as a whole, in its first line.
struct RecordedRun {
    struct Machine {
        std::string name;
        std::string kind; // "qemu" or "nspawn"
    };

    std::string version; // of the driver
    std::chrono::system_clock::time_point time;
    std::string script; // the whole text
    std::string script_name;
    std::vector<Machine> machines;
};

// Writes every event as a line of JSON into a file, for the report (ntd/report/report.h). The file
// is a regular one, so nobody waits for a reader. Console lines are buffered until the next other
// event; what was written can be read even if the process is killed. After the first error nothing
// more is written.
class RecordSink final : public LogSink {
public:
    static constexpr std::size_t default_most = std::size_t{512} << 20;

    // Of a record of more than `most` bytes, what guests send without end is left out: console
    // lines, and the output of commands while they run.
    RecordSink(UniqueFd file, const RecordedRun& run, std::size_t most = default_most);
    ~RecordSink() override;
    RecordSink(const RecordSink&) = delete;
    RecordSink& operator=(const RecordSink&) = delete;
    RecordSink(RecordSink&&) = delete;
    RecordSink& operator=(RecordSink&&) = delete;

    void write(const Event& event) noexcept override;
    void flush() noexcept override { send(); }
    void drain() noexcept override { send(); }

    // The errno value of the first write that failed; 0 if none did. Thread-safe.
    int error() const noexcept { return error_; }

private:
    bool leaves_out(const Event& event);
    void add(std::string_view json);
    void send() noexcept;

    UniqueFd file_;
    const std::size_t most_;
    const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
    std::size_t size_ = 0; // of the record, with what is pending
    bool cut_ = false;
    std::string pending_;
    std::atomic<int> error_ = 0;
};

} // namespace ntd::log
