#pragma once

#include <ntd/base/unique_fd.h>
#include <ntd/evidence/keep.h>
#include <ntd/log/log.h>
#include <ntd/log/record_sink.h>
#include <ntd/machine/machine.h>
#include <ntd/os/broadcast.h>
#include <ntd/report/report.h>

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace ntd::log {
class JunitSink;
}

// What shows why a test failed: consoles, journals, screens, the log, and a report to read it in.
namespace ntd::evidence {

struct Findings;

struct Settings {
    Keep keep = Keep::failure;
    std::filesystem::path directory; // where it goes; made if there is anything to keep
    std::filesystem::path scratch;   // a directory for files without a name
    std::filesystem::path config;    // the file of --config; empty: none
    std::vector<std::string> command_line;
    std::string junit_suite;
    log::RecordedRun run;
};

// Keeps the evidence of one run. That a part of it cannot be had never changes how the run ends:
// the log says what is missing.
class Keeper {
public:
    // Adds sinks to the log, so call it before a second thread uses the log. What they write is in
    // files without a name until finish().
    Keeper(log::Log& log, Settings settings);
    ~Keeper();
    Keeper(const Keeper&) = delete;
    Keeper& operator=(const Keeper&) = delete;
    Keeper(Keeper&&) = delete;
    Keeper& operator=(Keeper&&) = delete;

    // Whether evidence of a run that ends like this is kept.
    bool keeps(bool passed) const;

    std::filesystem::path report() const { return settings_.directory / "report.html"; }

    // Collects what the machines have, in parallel, before they are ended. Returns at the deadline
    // at the latest; what is not there by then is missing. Call it once.
    void collect(const std::vector<std::shared_ptr<machine::Machine>>& machines,
                 Deadline deadline) noexcept;

    // Writes the log and the report. Call it when the machines have ended, as the last thing. A
    // second call does nothing: a signal may end the process while the first one is running.
    void finish(report::Outcome outcome) noexcept;

private:
    void make_directory();
    void write_files(const report::Outcome& outcome);
    void say_what_is_missing() noexcept; // that was not said before
    void attempt(const std::string& what, const std::function<void()>& write) noexcept;

    log::Log& log_;
    const Settings settings_;
    UniqueFd record_;
    UniqueFd text_;
    log::JunitSink* junit_ = nullptr; // the log owns it
    bool has_directory_ = false;
    std::atomic<bool> is_finished_ = false;
    const std::unique_ptr<Findings> findings_;
    std::size_t said_ = 0;                 // findings that are missing, and are said to be
    os::Broadcast done_;                   // a machine's evidence is collected
    std::vector<std::jthread> collectors_; // one per machine; finish() joins them
};

} // namespace ntd::evidence
