#include "options.h"
#include "repetition.h"
#include "ssh_proxy.h"
#include "trace_head.h"

#include <ntd/base/error.h>
#include <ntd/base/forks.h>
#include <ntd/bindings/interpreter.h>
#include <ntd/driver/base_directory.h>
#include <ntd/driver/runtime.h>
#include <ntd/evidence/keeper.h>
#include <ntd/log/junit_sink.h>
#include <ntd/log/log.h>
#include <ntd/log/terminal_sink.h>
#include <ntd/log/terminal_text.h>
#include <ntd/log/xml_sink.h>
#include <ntd/os/orphan_guard.h>
#include <ntd/os/syscall.h>
#include <ntd/trace/trace.h>

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace ntd;

// Returns the terminal's sink, because the script uses it, too. The log owns it.
log::TerminalSink& add_sinks(log::Log& log, const cli::Options& options) {
    auto terminal = std::make_unique<log::TerminalSink>(
        STDERR_FILENO,
        log::TerminalOptions{.colour = log::TerminalSink::wants_colour(STDERR_FILENO),
                             .level = options.log_level,
                             .serial = options.console == cli::Console::live,
                             .timestamps = options.timestamps});
    auto& borrowed = *terminal;
    log.add_sink(std::move(terminal));
    if (options.logfile)
        log.add_sink(std::make_unique<log::XmlSink>(*options.logfile));
    if (options.junit_xml)
        log.add_sink(std::make_unique<log::JunitSink>(*options.junit_xml, options.junit_suite));
    return borrowed;
}

void log_notes(log::Log& log, const cli::Options& options) {
    for (const auto& note : options.notes)
        log.warning(note);
    for (const auto& key : options.unknown_config_keys)
        log.debug("ignoring the unknown configuration key " + key);
}

[[noreturn]] void end_process(const bindings::RunResult& result) {
    trace::flush();
    if (result.signal != 0)
        driver::Termination::die_by(result.signal);
    ::_exit(result.status);
}

// How this process was called, besides the options.
struct Invocation {
    std::vector<std::string> command_line;
    trace::Settings trace;
};

// The content of a file. Empty if it cannot be read, or is a pipe, which can be read only once.
std::string text_of(const std::filesystem::path& file) {
    std::error_code unknown;
    if (!std::filesystem::is_regular_file(file, unknown))
        return {};
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

evidence::Settings evidence_settings(const cli::Options& options,
                                     const Invocation& invocation,
                                     const std::filesystem::path& scratch) {
    evidence::Settings settings;
    settings.keep = options.interactive || options.watch ? evidence::Keep::never : options.evidence;
    if (settings.keep == evidence::Keep::never)
        return settings;
    settings.directory = options.evidence_directory.empty() ? options.output_directory / "failure"
                                                            : options.evidence_directory;
    settings.scratch = scratch;
    settings.config = options.config_file;
    settings.command_line = invocation.command_line;
    settings.junit_suite = options.junit_suite;
    settings.run = {.version = NTD_VERSION,
                    .time = std::chrono::system_clock::now(),
                    .script = text_of(options.config.test_script),
                    .script_name = options.config.test_script.string(),
                    .machines = {}};
    for (const auto& machine : options.config.vms)
        settings.run.machines.push_back({machine.name, "qemu"});
    for (const auto& machine : options.config.containers)
        settings.run.machines.push_back({machine.name, "nspawn"});
    return settings;
}

// How much of a console the last words of a test that failed quote.
std::size_t lines_at_the_end(cli::Console console) {
    switch (console) {
    case cli::Console::live:
        return 10;
    case cli::Console::failure:
        return 50;
    case cli::Console::never:
        return 0;
    }
    return 0;
}

bindings::RunOptions run_options_of(const cli::Options& options,
                                    const Invocation& invocation,
                                    const std::filesystem::path& tmp_dir) {
    return {
        .config = options.config,
        .command_line = invocation.command_line,
        .out_dir = options.output_directory,
        .tmp_dir = tmp_dir,
        .interactive = options.interactive,
        .watch = options.watch,
        .keep_going = options.keep_going,
        .subtests = options.subtests,
        .console_lines = lines_at_the_end(options.console),
        .vnc = options.vnc,
        .keep_machine_state = options.keep_machine_state,
        .pcap = options.pcap || options.keep_pcap,
        .keep_pcap = options.keep_pcap,
        .junit_xml = options.junit_xml,
        .debug_hook_attach = options.debug_hook_attach,
    };
}

// The global timeout and signals leave the log and the report, too.
void leave_evidence_if_ended(driver::Termination& termination, evidence::Keeper& evidence) {
    if (evidence.keeps(false))
        termination.set_last_act([&evidence](const std::string& reason) {
            evidence.finish({.passed = false,
                             .reason = reason,
                             .failure = reason,
                             .line = 0,
                             .command = {},
                             .evidence = {}});
        });
}

// Holds everything that lives for the whole run, in the order of dependencies; the destruction
// order is the reverse.
bindings::RunResult run(const cli::Options& options, const Invocation& invocation) {
    const os::OrphanGuard guard; // forks, so it comes before any thread
    make_forks_bystanders();
    const trace::Session session(invocation.trace);
    cli::trace_head(invocation.command_line);
    const driver::BaseDirectory base(guard);
    log::Log log;
    auto& terminal = add_sinks(log, options);
    evidence::Keeper evidence(log, evidence_settings(options, invocation, base.path()));
    log_notes(log, options);
    if (!base.warning().empty())
        log.warning(base.warning());
    driver::Runtime runtime(log, guard);
    leave_evidence_if_ended(runtime.termination(), evidence);
    runtime.host().habits = options.config.habits;
    for (const cli::Option& option : cli::option_table)
        if (option.apply != nullptr)
            option.apply(options, runtime.host());
    const auto result = bindings::run(run_options_of(options, invocation, base.path()), runtime,
                                      terminal, evidence);
    log.flush();
    if (result.threads_left || is_fork())
        end_process(result);
    return result;
}

// The terminate handler, for exceptions that nobody can catch, such as on the I/O thread. Prints
// the reason and ends the process as for any failure. The guard then ends what we have started.
[[noreturn]] void end_by_exception() noexcept {
    constexpr std::string_view cannot_go_on = "nixos-test-driver: cannot go on";
    try {
        if (const auto thrown = std::current_exception())
            std::rethrow_exception(thrown);
        log::say(cannot_go_on);
    } catch (const SystemError& error) {
        log::say(fmt::format("{}: {}{}", cannot_go_on, error.what(),
                             error.code() == EBADF
                                 ? " (has the test script closed descriptors of the driver?)"
                                 : ""));
    } catch (const std::exception& error) {
        log::say(fmt::format("{}: {}", cannot_go_on, error.what()));
    } catch (...) {
        log::say(cannot_go_on);
    }
    trace::flush();
    ::_exit(1);
}

int run_once(const cli::Options& options, const Invocation& invocation) {
    const auto result = run(options, invocation);
    if (result.signal != 0)
        driver::Termination::die_by(result.signal);
    return result.status;
}

} // namespace

int main(int argc, char** argv) {
    std::set_terminate(end_by_exception);
    std::signal(SIGPIPE, SIG_IGN); // a closed pipe is an error of write(2) instead
    try {
        os::open_standard_streams();
        const auto parsed = cli::parse_options(argc, argv);
        if (const auto* exit = std::get_if<cli::ExitNow>(&parsed)) {
            std::fputs(exit->out.c_str(), stdout);
            std::fputs(exit->err.c_str(), stderr);
            return exit->status;
        }
        const auto& options = std::get<cli::Options>(parsed);
        if (options.list_methods) {
            std::fputs(bindings::reference().c_str(), stdout);
            return 0;
        }
        if (!options.ssh_proxy.empty()) {
            cli::run_ssh_proxy(options.ssh_proxy);
            return 0;
        }
        const Invocation invocation{.command_line = {argv, argv + argc},
                                    .trace = trace::settings_from(std::getenv("NTD_TRACE"),
                                                                  std::getenv("NTD_TRACE_LEVEL"))};
        const auto once = [&](const cli::Options& each) { return run_once(each, invocation); };
        return options.is_repeated() ? cli::repeat(options, once) : once(options);
    } catch (const UsageError& error) {
        log::say(fmt::format("nixos-test-driver: {}", error.what()));
        return 2;
    } catch (const std::exception& error) {
        log::say(fmt::format("nixos-test-driver: {}", error.what()));
        return 1;
    }
}
