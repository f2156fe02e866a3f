#include <ntd/evidence/keeper.h>

#include "findings.h"
#include "of_machine.h"

#include <ntd/base/error.h>
#include <ntd/base/forks.h>
#include <ntd/base/text.h>
#include <ntd/log/junit_sink.h>
#include <ntd/log/terminal_sink.h>
#include <ntd/os/wait.h>
#include <ntd/os/write_file.h>

#include <fcntl.h>

#include <utility>

namespace ntd::evidence {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view record_name = "log.jsonl";

UniqueFd duplicate(const UniqueFd& fd) {
    UniqueFd copy(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
    if (!copy)
        throw_errno("duplicate a file descriptor");
    return copy;
}

// The log as text, in a file that the sink owns.
class TextFile final : public log::LogSink {
public:
    explicit TextFile(UniqueFd file)
        : file_(std::move(file)),
          sink_(file_.get(), {.colour = false, .level = log::Level::debug}) {}

    void write(const log::Event& event) noexcept override { sink_.write(event); }
    void flush() noexcept override { sink_.flush(); }
    void drain() noexcept override { sink_.drain(); }

private:
    UniqueFd file_;
    log::TerminalSink sink_;
};

bool is_of_an_earlier_run(const fs::path& directory) {
    return fs::is_empty(directory) || fs::exists(fs::symlink_status(directory / record_name));
}

} // namespace

Keeper::Keeper(log::Log& log, Settings settings)
    : log_(log), settings_(std::move(settings)), findings_(std::make_unique<Findings>()) {
    if (settings_.keep == Keep::never)
        return;
    record_ = os::make_nameless_file(settings_.scratch);
    text_ = os::make_nameless_file(settings_.scratch);
    if (!record_ || !text_)
        throw_errno("make a file for the log in '{}'", settings_.scratch.string());
    log.add_sink(std::make_unique<log::RecordSink>(duplicate(record_), settings_.run));
    log.add_sink(std::make_unique<TextFile>(duplicate(text_)));
    auto junit = std::make_unique<log::JunitSink>(
        log::JunitSink::WhenWanted{}, settings_.directory / "junit.xml", settings_.junit_suite);
    junit_ = junit.get();
    log.add_sink(std::move(junit));
}

Keeper::~Keeper() = default;

bool Keeper::keeps(bool passed) const {
    return !is_fork() &&
           (settings_.keep == Keep::always || (settings_.keep == Keep::failure && !passed));
}

void Keeper::make_directory() {
    if (has_directory_)
        return;
    const auto& directory = settings_.directory;
    const auto status = fs::symlink_status(directory);
    if (fs::is_directory(status) && !is_of_an_earlier_run(directory))
        throw Error("the directory '{}' has other files in it: name another one with "
                    "--evidence-dir",
                    directory.string());
    fs::remove_all(directory);
    fs::create_directories(directory);
    has_directory_ = true;
}

void Keeper::attempt(const std::string& what, const std::function<void()>& write) noexcept {
    try {
        write();
    } catch (const std::exception& error) {
        findings_->miss(what.empty() ? error.what() : fmt::format("{}: {}", what, error.what()));
    }
}

void Keeper::collect(const std::vector<std::shared_ptr<machine::Machine>>& machines,
                     Deadline deadline) noexcept {
    attempt("", [&] {
        make_directory();
        findings_->content.with([&](auto& now) { now.pending = machines.size(); });
        os::Broadcast::Listener done(done_);
        for (const auto& machine : machines)
            collectors_.emplace_back([this, machine, deadline] {
                collect_from(*machine, settings_.directory, deadline, *findings_);
                findings_->content.with([](auto& now) { --now.pending; });
                done_.notify();
            });
        while (!machines.empty() && findings_->content.copy().pending > 0 &&
               os::wait_readable({done.fd()}, deadline, machines.front()->host().interrupt))
            done.reset();
    });
    say_what_is_missing();
}

void Keeper::finish(report::Outcome outcome) noexcept {
    if (is_finished_.exchange(true))
        return;
    collectors_.clear(); // joins them: their machines have ended
    attempt("", [&] {
        make_directory();
        outcome.evidence = findings_->content.copy().links;
        junit_->want();
        log_.flush();
        write_files(outcome);
    });
    say_what_is_missing();
}

void Keeper::say_what_is_missing() noexcept {
    const auto missing = findings_->content.copy().missing;
    for (; said_ < missing.size(); ++said_)
        log_.warning("missing in the evidence: " + missing[said_]);
}

void Keeper::write_files(const report::Outcome& outcome) {
    const auto& directory = settings_.directory;
    attempt("the record",
            [&] { os::OutputFile(directory / record_name).copy_from(record_.get()); });
    attempt("the log", [&] { os::OutputFile(directory / "log.txt").copy_from(text_.get()); });
    attempt("the script",
            [&] { os::OutputFile(directory / "script.py").write(settings_.run.script); });
    if (!settings_.config.empty())
        attempt("the configuration",
                [&] { fs::copy_file(settings_.config, directory / "config.json"); });
    attempt("the command line", [&] {
        os::OutputFile(directory / "command-line.txt")
            .write(shell_command(settings_.command_line) + "\n");
    });
    attempt("the report",
            [&] { report::write_report(directory / record_name, outcome, report()); });
}

} // namespace ntd::evidence
