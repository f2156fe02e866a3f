#include "options.h"

#include "command_line.h"
#include "help.h"

#include <ntd/base/error.h>
#include <ntd/base/text.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <initializer_list>
#include <string_view>
#include <system_error>
#include <utility>

namespace ntd::cli {

namespace {

namespace fs = std::filesystem;

std::string variable(const Environment& environment, const char* name) {
    const char* value = environment(name);
    return value != nullptr ? value : "";
}

// ----------------------------------------------------------------- what to run, given as options

struct ListSource {
    std::initializer_list<const char*> options;
    std::initializer_list<const char*> variables;
};

constexpr std::string_view vm_scripts_from = "--vm-start-scripts or $vmStartScripts";
constexpr std::string_view container_scripts_from =
    "--container-start-scripts or $containerStartScripts";

// An option, even with an empty list, hides the variables; the first variable with words counts.
std::vector<std::string> list_from(const CommandLine& line,
                                   const std::vector<std::string>& values,
                                   const Environment& environment,
                                   const ListSource& source) {
    for (const char* option : source.options)
        if (line.given.contains(option))
            return values;
    for (const char* name : source.variables)
        if (auto words = split_blanks(variable(environment, name)); !words.empty())
            return words;
    return {};
}

std::vector<driver::MachineConfig> machines_from(const std::vector<std::string>& names,
                                                 const std::vector<std::string>& scripts,
                                                 std::string_view names_from,
                                                 std::string_view scripts_from) {
    if (!names.empty() && names.size() != scripts.size())
        throw UsageError("{} machine name(s) ({}) do not match {} start script(s) ({}); give one "
                         "name for each start script, in the same order, or no names",
                         names.size(), names_from, scripts.size(), scripts_from);
    std::vector<driver::MachineConfig> machines;
    for (std::size_t i = 0; i < scripts.size(); ++i) {
        const auto name = names.empty() ? driver::machine_name(scripts[i]) : names[i];
        machines.push_back({.name = name, .host_name = name, .start_script = scripts[i]});
    }
    return machines;
}

std::vector<int> vlans_from(const std::vector<std::string>& words) {
    std::vector<int> vlans;
    for (const std::string& word : words) {
        const auto number = driver::parse_int(word);
        if (!number)
            throw UsageError("VLAN number '{}' (--vlans or $vlans) is not a whole number; "
                             "to end a list before the test script, write '--'",
                             word);
        vlans.push_back(*number);
    }
    return vlans;
}

std::optional<double> time_limit_from(const std::string& text) {
    if (text.empty())
        return std::nullopt;
    const auto seconds = driver::parse_time_limit(text);
    if (!seconds)
        throw UsageError(
            "global timeout '{}' (--global-timeout or $globalTimeout) must be a number "
            "of seconds above 0, or a duration such as PT1H30M or 01:30:00, of no more than "
            "999999999 days",
            text);
    return seconds;
}

fs::path test_script_from(const CommandLine& line, const Environment& environment) {
    if (line.test_scripts.size() > 1)
        throw CommandLineError("only one test script can be given, but there are {}: '{}'",
                               line.test_scripts.size(), join(line.test_scripts, "', '"));
    if (!line.test_script.empty() && !line.test_scripts.empty())
        throw CommandLineError("only one test script can be given, but there are '{}' and "
                               "--test-script '{}'",
                               line.test_scripts.front(), line.test_script);
    auto script = line.test_script;
    if (script.empty())
        script = line.test_scripts.empty() ? variable(environment, "testScript")
                                           : line.test_scripts.front();
    if (script.empty() && !line.interactive)
        throw CommandLineError(
            "nothing to run: give --config FILE, or a test script (as an "
            "argument, after '--' where a list comes before it, with --test-script, or in "
            "$testScript), or --interactive");
    return script;
}

driver::Config config_from(const CommandLine& line, const Environment& environment) {
    const auto list = [&](const std::vector<std::string>& values, const ListSource& source) {
        return list_from(line, values, environment, source);
    };
    driver::Config config;
    config.vms =
        machines_from(list(line.vm_names, {{"--vm-names"}, {"vmNames"}}),
                      list(line.vm_start_scripts, {{"--vm-start-scripts", "--start-scripts"},
                                                   {"vmStartScripts", "startScripts"}}),
                      "--vm-names or $vmNames", vm_scripts_from);
    config.containers =
        machines_from(list(line.container_names, {{"--container-names"}, {"containerNames"}}),
                      list(line.container_start_scripts,
                           {{"--container-start-scripts"}, {"containerStartScripts"}}),
                      "--container-names or $containerNames", container_scripts_from);
    config.vlans = vlans_from(list(line.vlans, {{"--vlans"}, {"vlans"}}));
    config.global_timeout = time_limit_from(
        line.global_timeout.empty() ? variable(environment, "globalTimeout") : line.global_timeout);
    config.test_script = test_script_from(line, environment);
    if (line.dump_vsocks.empty())
        return config;
    config.vsock_offset = driver::parse_int(line.dump_vsocks);
    if (!config.vsock_offset)
        throw UsageError("--dump-vsocks '{}': the offset must be a whole number", line.dump_vsocks);
    return config;
}

// Which of two answers would count could only be guessed.
void refuse_options_beside_config(const CommandLine& line) {
    constexpr std::array in_config{"--start-scripts",
                                   "--vm-start-scripts",
                                   "--vm-names",
                                   "--container-names",
                                   "--container-start-scripts",
                                   "--vlans",
                                   "--global-timeout",
                                   "--dump-vsocks"};
    for (const char* option : in_config)
        if (line.given.contains(option))
            throw CommandLineError("option '{}' cannot be given with --config: the file '{}' says "
                                   "what to run",
                                   option, line.config);
    if (!line.test_scripts.empty())
        throw CommandLineError("test script '{}' cannot be given with --config: the file '{}' has "
                               "the key 'test_script', and --test-script is stronger than it",
                               line.test_scripts.front(), line.config);
}

// -------------------------------------------------------------------------------- how to run it

log::Level log_level_from(const CommandLine& line, const Environment& environment) {
    const bool given = !line.log_level.empty();
    const std::string text = given ? line.log_level : variable(environment, "logLevel");
    std::string name = text;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (name.empty())
        return log::Level::info;
    constexpr std::array<std::pair<std::string_view, log::Level>, 4> levels{
        {{"debug", log::Level::debug},
         {"info", log::Level::info},
         {"warning", log::Level::warning},
         {"error", log::Level::error}}};
    for (const auto& [known, level] : levels)
        if (name == known)
            return level;
    throw UsageError(
        "log level '{}' (from {}) is unknown; it must be debug, info, warning or error", text,
        given ? "--log-level" : "the variable logLevel");
}

machine::Backdoor backdoor_from(const CommandLine& line) {
    if (line.backdoor.empty() || line.backdoor == "auto")
        return machine::Backdoor::automatic;
    if (line.backdoor == "virtconsole")
        return machine::Backdoor::virtconsole;
    if (line.backdoor == "vsock")
        return machine::Backdoor::vsock;
    throw UsageError("--backdoor '{}': it must be auto, virtconsole or vsock", line.backdoor);
}

// "512M": bytes, or so many KiB, MiB, GiB, TiB.
std::optional<std::size_t> parse_size(std::string_view text) {
    constexpr std::string_view units = "KMGT";
    std::size_t shift = 0;
    if (!text.empty())
        if (const auto unit = units.find(text.back()); unit != units.npos) {
            shift = 10 * (unit + 1);
            text.remove_suffix(1);
        }
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool fits = value << shift >> shift == value;
    if (error != std::errc() || end != text.data() + text.size() || value == 0 || !fits)
        return std::nullopt;
    return value << shift;
}

std::optional<std::size_t> max_output_from(const CommandLine& line,
                                           const Environment& environment) {
    const bool given = line.given.contains("--max-output");
    const auto text = given ? line.max_output : variable(environment, "NTD_MAX_OUTPUT");
    if (text.empty() && !given)
        return std::nullopt;
    const auto size = parse_size(text);
    if (!size)
        throw UsageError("{} '{}': it must be a number of bytes above 0, or of KiB, MiB, GiB or "
                         "TiB with K, M, G or T behind it",
                         given ? "--max-output" : "NTD_MAX_OUTPUT", text);
    return size;
}

// Why no files can be made there, or nothing if they can.
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

void set_output_directory(Options& options, const CommandLine& line) {
    const bool given = !line.output_directory.empty();
    std::error_code error;
    const fs::path folder = fs::absolute(given ? line.output_directory : ".", error);
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
    // A person at the prompt may stand anywhere, and perhaps never makes a file.
    if (given || !options.interactive)
        throw UsageError("{}", message);
    options.notes.push_back(message);
}

std::optional<int> repeat_from(const CommandLine& line) {
    if (line.repeat.empty())
        return std::nullopt;
    const auto times = driver::parse_int(line.repeat);
    if (!times || *times < 1)
        throw UsageError("--repeat '{}': the number of runs must be a whole number above 0",
                         line.repeat);
    return times;
}

void set_repetition(Options& options, const CommandLine& line) {
    options.watch = line.watch;
    options.until_fail = line.until_fail;
    options.repeat = repeat_from(line);
    if (!options.is_repeated() || !(line.interactive || line.watch))
        return;
    throw CommandLineError("option '{}' cannot be given with '{}': it is for runs without a person",
                           options.until_fail ? "--until-fail" : "--repeat",
                           line.interactive ? "--interactive" : "--watch");
}

// A pipe gives its text once: the next run would have nothing to do, and pass.
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
    options.interactive = line.interactive;
    options.pcap = line.pcap;
    options.keep_pcap = line.keep_pcap;
    options.stream_output = line.stream_output;
    options.vnc = line.vnc;
    set_repetition(options, line);
    options.backdoor = backdoor_from(line);
    options.max_output = max_output_from(line, environment);
    options.keep_machine_state = line.keep_machine_state || line.keep_vm_state;
    if (line.keep_vm_state)
        options.notes.emplace_back(
            "option --keep-vm-state is deprecated, use --keep-machine-state instead");
    options.log_level = log_level_from(line, environment);
    set_output_directory(options, line);
    if (!line.junit_xml.empty()) // an absolute path replaces the directory
        options.junit_xml = options.output_directory / line.junit_xml;
    if (const auto logfile = variable(environment, "LOGFILE"); !logfile.empty())
        options.logfile = logfile;
    if (!line.debug_hook_attach.empty())
        options.debug_hook_attach = line.debug_hook_attach;
    if (line.config.empty()) {
        options.config = config_from(line, environment);
    } else {
        refuse_options_beside_config(line);
        options.config = driver::read_config(line.config, options.unknown_config_keys);
        if (!line.test_script.empty())
            options.config.test_script = line.test_script;
    }
    options.config.vsock_siblings |= line.vsock_siblings;
    driver::normalise_config(options.config);
    driver::check_config(options.config);
    check_script_to_run_again(options);
    return options;
}

ExitNow refuse(std::string_view usage, std::string_view message) {
    constexpr int wrong_usage = 2;
    return {wrong_usage, "", fmt::format("{}nixos-test-driver: error: {}\n", usage, message)};
}

} // namespace

std::variant<Options, ExitNow> parse_options(std::span<const std::string> arguments,
                                             const Environment& environment) {
    try {
        const CommandLine line = read_command_line(arguments);
        if (line.help)
            return ExitNow{0, fmt::format("{}{}", usage_text, help_text), ""};
        if (line.version)
            return ExitNow{0, "nixos-test-driver " NTD_VERSION "\n", ""};
        if (line.list_methods || !line.ssh_proxy.empty()) {
            Options options;
            options.list_methods = line.list_methods;
            options.ssh_proxy = line.ssh_proxy;
            return options;
        }
        return options_from(line, environment);
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
