#include "repetition.h"

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/driver/termination.h>
#include <ntd/log/join_documents.h>
#include <ntd/log/terminal_text.h>
#include <ntd/os/fork.h>
#include <ntd/os/syscall.h>

#include <fmt/format.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <vector>

namespace ntd::cli {

namespace {

namespace fs = std::filesystem;

// A document that each run writes, and that has to hold the results of all runs.
struct Report {
    fs::path file;
    fs::path part; // where one run writes; `file` itself if that is a device
};

std::optional<Report> report_of(const std::optional<fs::path>& file) {
    if (!file)
        return std::nullopt;
    std::error_code missing;
    const auto status = fs::status(*file, missing);
    const bool mergeable = !fs::exists(status) || fs::is_regular_file(status);
    return Report{*file, mergeable ? fs::path(file->string() + ".run") : *file};
}

// Appends the document of the finished run to that of the earlier runs.
void merge(const Report& report, bool first) {
    if (report.part == report.file || !fs::exists(report.part))
        return;
    if (!first && !log::join_documents(report.file, report.part))
        return;
    fs::rename(report.part, report.file);
}

std::string outcome_of(int wait_status) {
    return WIFSIGNALED(wait_status) ? fmt::format("killed by signal {} ({})", WTERMSIG(wait_status),
                                                  ::strsignal(WTERMSIG(wait_status)))
                                    : fmt::format("exit status {}", WEXITSTATUS(wait_status));
}

using Seconds = std::chrono::duration<double>;

std::string times_of_runs(std::vector<Seconds> times) {
    std::sort(times.begin(), times.end());
    return fmt::format("a run took {:.1f} s at least, {:.1f} s in the median, {:.1f} s at most",
                       times.front().count(), times[times.size() / 2].count(),
                       times.back().count());
}

sigset_t signals_of_interest() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD})
        sigaddset(&set, signal);
    return set;
}

class Repetition {
public:
    Repetition(const Options& options, const std::function<int(const Options&)>& run_once)
        : options_(options), run_once_(run_once), signals_(signals_of_interest()),
          junit_(report_of(options.junit_xml)), xml_(report_of(options.logfile)) {
        ::sigprocmask(SIG_BLOCK, &signals_, &mask_before_);
    }

    int run() {
        for (int number = 1; !is_over(number); ++number) {
            say(fmt::format("run {}{}", number, of_how_many()));
            const auto begin = std::chrono::steady_clock::now();
            const int status = wait_for(start(number), stop_signal_);
            times_.push_back(std::chrono::steady_clock::now() - begin);
            count(number, status);
        }
        sum_up();
        if (stop_signal_ != 0)
            driver::Termination::die_by(stop_signal_);
        if (WIFSIGNALED(first_failure_))
            driver::Termination::die_by(WTERMSIG(first_failure_));
        return WEXITSTATUS(first_failure_);
    }

private:
    bool is_over(int next) const {
        return stop_signal_ != 0 || (options_.repeat && next > *options_.repeat) ||
               (options_.until_fail && !failures_.empty());
    }

    std::string of_how_many() const {
        return options_.repeat ? fmt::format(" of {}", *options_.repeat) : "";
    }

    pid_t start(int number) {
        auto options = options_;
        options.junit_suite += fmt::format(", run {}", number);
        options.evidence_directory = evidence_of(number);
        if (junit_)
            options.junit_xml = junit_->part;
        if (xml_)
            options.logfile = xml_->part;
        const pid_t child = os::fork_bound(SIGTERM);
        if (child > 0)
            return child;
        ::sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
        ::exit(run_as_child(options));
    }

    // The directory for the evidence of one run.
    fs::path evidence_of(int number) const {
        auto directory = options_.evidence_directory.empty() ? options_.output_directory / "failure"
                                                             : options_.evidence_directory;
        return directory += fmt::format("-run-{}", number);
    }

    int run_as_child(const Options& options) const {
        try {
            return run_once_(options);
        } catch (const std::exception& error) {
            say(error.what());
            return 1;
        }
    }

    // Waits for the end of the run. A signal that must end the repetition is stored in `stop`.
    int wait_for(pid_t child, int& stop) const {
        int status = 0;
        for (;;) {
            if (os::retry_eintr([&] { return ::waitpid(child, &status, WNOHANG); }) == child)
                return status;
            siginfo_t info{};
            if (os::retry_eintr([&] { return ::sigwaitinfo(&signals_, &info); }) < 0 ||
                info.si_signo == SIGCHLD)
                continue;
            stop = info.si_signo;
            if (info.si_code <= 0) // sent by a process; the child gets those of the terminal itself
                ::kill(child, info.si_signo);
        }
    }

    void count(int number, int status) {
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGINT)
            stop_signal_ = SIGINT;
        for (const auto& report : {junit_, xml_})
            if (report)
                merge(*report, number == 1);
        ++runs_;
        if (status == 0)
            return;
        failures_.push_back(fmt::format("run {} ({})", number, outcome_of(status)));
        if (first_failure_ == 0)
            first_failure_ = status;
    }

    void sum_up() const {
        const auto passed = static_cast<std::size_t>(runs_) - failures_.size();
        if (!times_.empty())
            say(times_of_runs(times_));
        say(fmt::format("{} of {} runs passed{}{}", passed, runs_,
                        failures_.empty() ? "" : "; failed: ", join(failures_, ", ")));
    }

    static void say(std::string_view text) { log::say(fmt::format("nixos-test-driver: {}", text)); }

    const Options& options_;
    const std::function<int(const Options&)>& run_once_;
    const sigset_t signals_;
    sigset_t mask_before_{};
    const std::optional<Report> junit_;
    const std::optional<Report> xml_;
    int runs_ = 0;
    std::vector<Seconds> times_;
    std::vector<std::string> failures_;
    int first_failure_ = 0; // status as from waitpid(2)
    int stop_signal_ = 0;
};

} // namespace

int repeat(const Options& options, const std::function<int(const Options&)>& run_once) {
    return Repetition(options, run_once).run();
}

} // namespace ntd::cli
