#include "options.h"

#include "command_line.h"
#include "help.h"
#include "program_text.h"

#include <ntd/base/error.h>
#include <ntd/base/text.h>

#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <utility>

namespace ntd::cli {

namespace {

namespace fs = std::filesystem;

// ------------------------------------------------------------------------- values, as the table
// says

std::string variable(const Environment& environment, std::string_view name) {
    const char* value = environment(std::string(name).c_str());
    return value != nullptr ? value : "";
}

// With --config, these options would be ambiguous.
constexpr std::array beside_the_file{
    Conflict{"--config", "option '{option}' cannot be given with --config: the file "
                         "'{other_value}' says what to run"},
};

std::span<const Conflict> conflicts_of(const Option& option) {
    if (option.conflicts.empty() && option.generation == Generation::options)
        return beside_the_file;
    return option.conflicts;
}

void check_conflicts(const Option& option, const CommandLine& line) {
    const Given* given = line.find(option);
    if (given == nullptr)
        return;
    for (const Conflict& conflict : conflicts_of(option))
        for (const std::string& name : split_blanks(conflict.with))
            if (const Given* other = line.find(name))
                throw CommandLineError("{}", fmt::format(fmt::runtime(conflict.message),
                                                         fmt::arg("option", given->name),
                                                         fmt::arg("value", given->value()),
                                                         fmt::arg("other", name),
                                                         fmt::arg("other_value", other->value())));
}

// Takes a value from the first variable that is not empty: the option's own, then those of its
// aliases. An option on the command line overrides variables, even with an empty list.
Value value_from_variables(const Option& option, const Environment& environment) {
    for (const bool own : {true, false})
        for (const Option& row : option_table) {
            if (row.variable.empty() || &owner_of(row) != &option || (&row == &option) != own)
                continue;
            const auto text = variable(environment, row.variable);
            auto words = option.is_list() ? split_blanks(text) : std::vector<std::string>{text};
            std::erase(words, "");
            if (!words.empty())
                return {option, std::move(words), row.variable};
        }
    return {option};
}

void take_value(Options& options,
                const Option& option,
                const CommandLine& line,
                const Environment& environment) {
    if (option.store == nullptr)
        return;
    if (const Given* given = line.find(option)) {
        option.store(options, {option, given->words});
        return;
    }
    const bool is_in_file = option.generation == Generation::options && line.find("--config");
    if (is_in_file || !environment)
        return;
    if (const Value value = value_from_variables(option, environment); !value.words.empty())
        option.store(options, value);
}

// ------------------------------------------------------------------- what the values are together

std::vector<driver::MachineConfig> machines_from(const GivenMachines& given,
                                                 std::string_view names_option,
                                                 std::string_view scripts_option) {
    const auto& [names, scripts] = given;
    if (!names.empty() && names.size() != scripts.size())
        throw UsageError("{} machine name(s) ({}) do not match {} start script(s) ({}); give one "
                         "name for each start script, in the same order, or no names",
                         names.size(), sources_of(option_named(names_option)), scripts.size(),
                         sources_of(option_named(scripts_option)));
    std::vector<driver::MachineConfig> machines;
    for (std::size_t i = 0; i < scripts.size(); ++i) {
        const auto name = names.empty() ? driver::machine_name(scripts[i]) : names[i];
        machines.push_back({.name = name, .host_name = name, .start_script = scripts[i]});
    }
    return machines;
}

void complete_machines(Options& options) {
    if (options.config.vms.empty())
        options.config.vms = machines_from(options.vms, "--vm-names", "--vm-start-scripts");
    if (options.config.containers.empty())
        options.config.containers =
            machines_from(options.containers, "--container-names", "--container-start-scripts");
}

void check_that_there_is_something_to_run(const Options& options) {
    if (options.config.test_script.empty() && !options.interactive)
        throw CommandLineError(
            "nothing to run: give --config FILE, or a test script (as an "
            "argument, after '--' where a list comes before it, with --test-script, or in "
            "$testScript), or --interactive");
}

// Says why no files can be created in the folder, or returns nullopt if they can.
std::optional<std::string> trouble_with_folder(const fs::path& folder) {
    struct stat status {};
    if (::stat(folder.c_str(), &status) < 0)
        return std::generic_category().message(errno);
    if (!S_ISDIR(status.st_mode))
        return std::generic_category().message(ENOTDIR);
    if (::access(folder.c_str(), W_OK | X_OK) < 0)
        return std::generic_category().message(errno);
    return std::nullopt;
}

void complete_output_directory(Options& options) {
    const bool given = !options.output_directory.empty();
    std::error_code error;
    const fs::path folder = fs::absolute(given ? options.output_directory : ".", error);
    if (error)
        throw UsageError("find the current directory: {}; give the output directory as an absolute "
                         "path with -o",
                         error.message());
    options.output_directory = folder.lexically_normal();
    if (!options.output_directory.has_filename()) // "a/b/" is "a/b"
        options.output_directory = options.output_directory.parent_path();
    const auto trouble = trouble_with_folder(folder);
    if (!trouble)
        return;
    const auto message =
        fmt::format("output directory '{}' cannot be written to: {}; give one that "
                    "exists and is writable with -o",
                    options.output_directory.string(), *trouble);
    // An interactive user may be in any directory, and may never create a file.
    if (given || !options.interactive)
        throw UsageError("{}", message);
    options.notes.push_back(message);
}

// A pipe can be read only once: the next run would find an empty script, and pass.
void check_script_to_run_again(const Options& options) {
    const auto& script = options.config.test_script;
    if ((options.watch || options.is_repeated()) && !fs::is_regular_file(script))
        throw UsageError("test script '{}' cannot be read again, which {} needs: it is not a file",
                         script.string(),
                         options.watch ? "--watch"
                                       : (options.until_fail ? "--until-fail" : "--repeat"));
}

Options options_from(const CommandLine& line, const Environment& environment) {
    Options options;
    for (const Option& option : option_table)
        check_conflicts(option, line);
    for (const Option& option : option_table)
        take_value(options, option, line, environment);
    if (const auto logfile = variable(environment, "LOGFILE"); !logfile.empty())
        options.logfile = logfile;
    complete_output_directory(options);
    if (options.junit_xml) // an absolute path stays as it is
        options.junit_xml = options.output_directory / *options.junit_xml;
    complete_machines(options);
    check_that_there_is_something_to_run(options);
    driver::normalise_config(options.config);
    driver::check_config(options.config);
    check_script_to_run_again(options);
    return options;
}

// --help works even if other arguments are wrong.
bool asks_for_help(std::span<const std::string> arguments) {
    const auto end = std::find(arguments.begin(), arguments.end(), "--");
    return std::any_of(arguments.begin(), end,
                       [](const auto& word) { return word == "-h" || word == "--help"; });
}

// The width of the terminal, within limits that are comfortable to read.
std::size_t help_width(const Environment& environment) {
    winsize terminal{};
    int columns = driver::parse_int(variable(environment, "COLUMNS")).value_or(0);
    if (columns <= 0 && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &terminal) == 0)
        columns = terminal.ws_col;
    return columns <= 0 ? widest_help : std::clamp<std::size_t>(columns, 60, widest_help);
}

ExitNow refuse(std::string_view usage, std::string_view message) {
    constexpr int wrong_usage = 2;
    return {wrong_usage, "", fmt::format("{}nixos-test-driver: error: {}\n", usage, message)};
}

} // namespace

std::variant<Options, ExitNow> parse_options(std::span<const std::string> arguments,
                                             const Environment& environment) {
    try {
        if (asks_for_help(arguments))
            return ExitNow{0, help(help_width(environment)), ""};
        const CommandLine line(arguments);
        if (line.find("--version") != nullptr)
            return ExitNow{0, "nixos-test-driver " NTD_VERSION "\n", ""};
        Options options;
        if (line.find("--list-methods") != nullptr || line.find("--ssh-proxy") != nullptr)
            for (const std::string_view name : {"--list-methods", "--ssh-proxy"})
                take_value(options, option_named(name), line, {});
        else
            options = options_from(line, environment);
        return options;
    } catch (const CommandLineError& error) {
        const auto message = fmt::format("{}\nTry 'nixos-test-driver --help'.", error.what());
        return refuse(usage_text, message);
    } catch (const Error& error) {
        return refuse("", error.what());
    }
}

std::variant<Options, ExitNow> parse_options(int argc, const char* const* argv) {
    const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
    return parse_options(arguments, [](const char* name) { return std::getenv(name); });
}

} // namespace ntd::cli
