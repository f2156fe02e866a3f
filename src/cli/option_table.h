#pragma once

#include "option.h"
#include "option_values.h"

#include <ntd/driver/config.h>
#include <ntd/evidence/keep.h>
#include <ntd/log/event.h>

#include <array>
#include <filesystem>
#include <optional>

namespace ntd::cli {

// The settings of a run, from the command line, the environment and the file of --config, read and
// checked.
struct Options {
    driver::Config config;
    GivenMachines vms; // from options; copied to `config` later
    GivenMachines containers;
    log::Level log_level = log::Level::info;
    bool interactive = false;
    // With one of these two, all other options are ignored and not checked.
    bool list_methods = false;
    std::string ssh_proxy;
    bool keep_machine_state = false;
    bool pcap = false;
    bool keep_pcap = false;
    bool stream_output = false;
    bool watch = false;                    // run the script again whenever it is saved
    bool keep_going = false;               // run the next subtest after one failed
    std::vector<std::string> subtests;     // patterns of those to run; empty: all
    bool vnc = false;                      // machines have a VNC server
    bool until_fail = false;               // run it all again until it fails
    std::optional<int> repeat;             // maximum number of runs; see is_repeated()
    std::optional<std::size_t> max_output; // limit for a command's output, in bytes
    machine::Backdoor backdoor = machine::Backdoor::automatic;
    std::filesystem::path output_directory; // absolute, exists
    std::optional<std::filesystem::path> junit_xml;
    std::string junit_suite = "NixOS integration test";
    std::optional<std::filesystem::path> logfile; // the XML log
    std::optional<std::string> debug_hook_attach;
    Console console = Console::live;
    bool timestamps = false; // in the log on the terminal
    evidence::Keep evidence = evidence::Keep::failure;
    std::filesystem::path evidence_directory;     // empty: OUT/failure
    std::filesystem::path config_file;            // of --config; empty: none
    std::vector<std::string> notes;               // warnings, kept until the log exists
    std::vector<std::string> unknown_config_keys; // logged at debug level

    bool is_repeated() const { return repeat || until_fail; }
};

inline constexpr std::array one_test_script{
    Conflict{"--config", "test script '{value}' cannot be given with --config: the file "
                         "'{other_value}' has the key 'test_script', and --test-script is "
                         "stronger than it"},
    Conflict{"--test-script", "only one test script can be given, but there are '{value}' and "
                              "--test-script '{other_value}'"},
};

inline constexpr std::array needs_nobody{
    Conflict{"--interactive --watch", "option '{option}' cannot be given with '{other}': it is for "
                                      "runs without a person"},
};

// Values are taken in this order, and --help lists options in it, too.
inline constexpr std::array option_table{
    Option{
        .names = "-c,--config",
        .metavar = "FILE",
        .help = "JSON with the keys {keys}. The options of the next group cannot be given with it, "
                "and their variables are ignored.",
        .section = Section::file,
        .generation = Generation::file,
        .store =
            [](Options& o, const Value& value) {
                o.config_file = value.text();
                o.config = driver::read_config(o.config_file, o.unknown_config_keys);
            },
    },
    Option{
        .names = "--test-script",
        .metavar = "FILE",
        .fallback = "that",
        .help = "the test script, in place of FILE's test_script",
        .section = Section::file,
        .generation = Generation::file,
        .store = [](Options& o, const Value& value) { o.config.test_script = value.text(); },
    },
    Option{
        .names = "TESTSCRIPT",
        .variable = "testScript",
        .help = "the test script; needed unless -I",
        .section = Section::options,
        .generation = Generation::options,
        .conflicts = one_test_script,
        .store = [](Options& o,
                    const Value& value) { o.config.test_script = only_script(o, value); },
    },
    Option{
        .names = "--start-scripts",
        .metavar = "SCRIPT...",
        .variable = "startScripts",
        .fallback = "none",
        .help = "programs or commands that start the virtual machines",
        .section = Section::options,
        .generation = Generation::options,
        .same_as = "--vm-start-scripts",
    },
    Option{
        .names = "--vm-start-scripts",
        .metavar = "SCRIPT...",
        .variable = "vmStartScripts",
        .fallback = "none",
        .help = "same as --start-scripts",
        .section = Section::options,
        .generation = Generation::options,
        .store = [](Options& o, const Value& value) { o.vms.start_scripts = value.words; },
    },
    Option{
        .names = "--vm-names",
        .metavar = "NAME...",
        .variable = "vmNames",
        .fallback = "NAME from scripts called run-NAME-vm, else \"machine\"",
        .help = "names of the virtual machines, in the same order",
        .section = Section::options,
        .generation = Generation::options,
        .store = [](Options& o, const Value& value) { o.vms.names = value.words; },
    },
    Option{
        .names = "--container-start-scripts",
        .metavar = "SCRIPT...",
        .variable = "containerStartScripts",
        .fallback = "none",
        .help = "programs that start systemd-nspawn containers (they need root)",
        .section = Section::options,
        .generation = Generation::options,
        .store = [](Options& o, const Value& value) { o.containers.start_scripts = value.words; },
    },
    Option{
        .names = "--container-names",
        .metavar = "NAME...",
        .variable = "containerNames",
        .fallback = "NAME from scripts called run-NAME-nspawn, else \"machine\"",
        .help = "names of the containers, in the same order",
        .section = Section::options,
        .generation = Generation::options,
        .store = [](Options& o, const Value& value) { o.containers.names = value.words; },
    },
    Option{
        .names = "--vlans",
        .metavar = "N...",
        .variable = "vlans",
        .fallback = "none",
        .help = "numbers of the VLANs to create",
        .section = Section::options,
        .generation = Generation::options,
        .store = [](Options& o, const Value& value) { o.config.vlans = vlans_from(value); },
    },
    Option{
        .names = "--global-timeout",
        .metavar = "SECONDS",
        .variable = "globalTimeout",
        .fallback = "never",
        .help =
            "end the whole test after this time; durations such as PT1H30M or 01:30:00 work too",
        .section = Section::options,
        .generation = Generation::options,
        .store = [](Options& o,
                    const Value& value) { o.config.global_timeout = time_limit_from(value); },
    },
    Option{
        .names = "--dump-vsocks",
        .metavar = "OFFSET",
        .fallback = "not printed",
        .help = "print how to reach the SSH backdoor of each virtual machine through the host's "
                "kernel. Vsock addresses begin at OFFSET + 1, in the order of the machines' names. "
                "All users of the host can reach them",
        .section = Section::options,
        .generation = Generation::options,
        .store = [](Options& o, const Value& value) { o.config.vsock_offset = offset_from(value); },
    },
    Option{
        .names = "-o,--output_directory",
        .metavar = "DIR",
        .fallback = "the current directory",
        .help = "where screenshots, copied files and reports go; it must exist and be writable",
        .store = [](Options& o, const Value& value) { o.output_directory = value.text(); },
    },
    Option{
        .names = "--junit-xml",
        .metavar = "FILE",
        .fallback = "none",
        .help = "write a JUnit report, under DIR unless absolute",
        .store = [](Options& o, const Value& value) { o.junit_xml = value.text(); },
    },
    Option{
        .names = "--log-level",
        .metavar = "LEVEL",
        .variable = "logLevel",
        .fallback = "info",
        .choices = "debug info warning error",
        .help = "debug, info, warning or error",
        .store = [](Options& o, const Value& value) { o.log_level = log_level_from(value); },
    },
    Option{
        .names = "-I,--interactive",
        .help = "start a Python prompt instead of running the script",
        .store = [](Options& o, const Value&) { o.interactive = true; },
    },
    Option{
        .names = "--no-interactive",
        .help = "run the script [default]",
        .negates = "--interactive",
    },
    Option{
        .names = "--vnc",
        .help = "give each machine a VNC server, on a socket in its state directory",
        .generation = Generation::ours,
        .store = [](Options& o, const Value&) { o.vnc = true; },
        .apply = [](const Options& o, machine::Host& host) { host.vnc = o.vnc; },
    },
    Option{
        .names = "--watch",
        .help = "run the script again whenever it is saved, on the same machines, until Ctrl-C; "
                "with -I, Ctrl-C leads to the prompt",
        .generation = Generation::ours,
        .store = [](Options& o, const Value&) { o.watch = true; },
    },
    Option{
        .names = "--keep-going",
        .help = "after a subtest failed, run the next one; the test fails at its end",
        .generation = Generation::ours,
        .store = [](Options& o, const Value&) { o.keep_going = true; },
    },
    Option{
        .names = "--subtest",
        .metavar = "GLOB",
        .fallback = "all",
        .help = "run only subtests whose name matches, and what is outside of subtests; can be "
                "given several times",
        .generation = Generation::ours,
        .store = [](Options& o, const Value& value) { o.subtests = value.words; },
    },
    Option{
        .names = "--repeat",
        .metavar = "N",
        .help = "run the whole test N times, with new machines each time. The exit status is that "
                "of the first run that failed",
        .generation = Generation::ours,
        .conflicts = needs_nobody,
        .store = [](Options& o, const Value& value) { o.repeat = number_of_runs(value); },
    },
    Option{
        .names = "--until-fail",
        .help = "run the whole test again until it fails (with --repeat N: N times at most)",
        .generation = Generation::ours,
        .conflicts = needs_nobody,
        .store = [](Options& o, const Value&) { o.until_fail = true; },
    },
    Option{
        .names = "-K,--keep-machine-state",
        .fallback = "remove it",
        .help = "keep the machines' state from an earlier run",
        .store = [](Options& o, const Value&) { o.keep_machine_state = true; },
    },
    Option{
        .names = "--keep-vm-state",
        .help = "older name of --keep-machine-state",
        .store =
            [](Options& o, const Value&) {
                o.keep_machine_state = true;
                o.notes.emplace_back(
                    "option --keep-vm-state is deprecated, use --keep-machine-state instead");
            },
    },
    Option{
        .names = "--backdoor",
        .metavar = "CHANNEL",
        .fallback = "auto",
        .choices = "auto virtconsole vsock",
        .help = "how commands reach a guest: virtconsole; vsock, which runs several commands at a "
                "time, and gives each machine a vsock; or auto: a vsock if the machine has one and "
                "the guest listens on it, else virtconsole",
        .generation = Generation::ours,
        .store = [](Options& o, const Value& value) { o.backdoor = backdoor_from(value); },
        .apply = [](const Options& o, machine::Host& host) { host.backdoor = o.backdoor; },
    },
    Option{
        .names = "--vsock-siblings",
        .help = "let guests connect to each other's vsocks. A guest can then log in to another one "
                "if that accepts SSH logins without a password there [also \"vsock_siblings\" in "
                "FILE]",
        .generation = Generation::ours,
        .store = [](Options& o, const Value&) { o.config.vsock_siblings = true; },
    },
    Option{
        .names = "--pcap",
        .help = "capture the traffic of each VLAN in vlanN.pcap of the output directory; the files "
                "are removed if the test passes",
        .generation = Generation::ours,
        .store = [](Options& o, const Value&) { o.pcap = true; },
    },
    Option{
        .names = "--keep-pcap",
        .help = "same as --pcap, but always keep the files",
        .generation = Generation::ours,
        .store = [](Options& o, const Value&) { o.keep_pcap = true; },
    },
    Option{
        .names = "--console",
        .metavar = "WHEN",
        .fallback = "live",
        .choices = "live failure never",
        .help = "when the terminal shows the machines' consoles: live, at the end of a test that "
                "failed, or never. Reports have them in any case, and scripts can show them",
        .generation = Generation::ours,
        .store = [](Options& o, const Value& value) { o.console = console_from(value); },
    },
    Option{
        .names = "--timestamps",
        .help = "begin each line of the log on the terminal with the seconds since the start",
        .generation = Generation::ours,
        .store = [](Options& o, const Value&) { o.timestamps = true; },
    },
    Option{
        .names = "--evidence",
        .metavar = "WHEN",
        .variable = "NTD_EVIDENCE",
        .fallback = "failure",
        .choices = "never failure always",
        .help = "for which runs to keep what shows why a test failed (report.html, log, consoles, "
                "journals, screens): never, failure or always. Not kept for --interactive and "
                "--watch",
        .generation = Generation::ours,
        .store = [](Options& o, const Value& value) { o.evidence = evidence_from(value); },
    },
    Option{
        .names = "--evidence-dir",
        .metavar = "DIR",
        .fallback = "failure, in the output directory",
        .help = "where to keep it. What an earlier run has left there is replaced",
        .generation = Generation::ours,
        .store =
            [](Options& o, const Value& value) {
                o.evidence_directory = std::filesystem::absolute(value.text());
            },
    },
    Option{
        .names = "--stream-output",
        .help = "show what commands write to standard output while they run",
        .generation = Generation::ours,
        .store = [](Options& o, const Value&) { o.stream_output = true; },
        .apply = [](const Options& o,
                    machine::Host& host) { host.stream_output = o.stream_output; },
    },
    Option{
        .names = "--max-output",
        .metavar = "SIZE",
        .variable = "NTD_MAX_OUTPUT",
        .fallback = "2G",
        .help =
            "limit of a command's output, in bytes or with K, M, G or T behind the number. A "
            "command with more output is ended, and that is an error. Copied files do not count",
        .generation = Generation::ours,
        .store = [](Options& o, const Value& value) { o.max_output = size_from(value); },
        .apply =
            [](const Options& o, machine::Host& host) {
                host.max_output = o.max_output.value_or(host.max_output);
            },
    },
    Option{
        .names = "--debug-hook-attach",
        .metavar = "CMD",
        .fallback = "none",
        .help = "when the test fails, or calls debug.breakpoint(), stop for a debugger and print "
                "CMD as the command to attach with",
        .store = [](Options& o, const Value& value) { o.debug_hook_attach = value.text(); },
    },
    Option{
        .names = "--ssh-proxy",
        .metavar = "SOCKET",
        .help = "for ssh's ProxyCommand with ProxyUseFdpass=yes: connect to the SSH server of the "
                "guest whose backdoor is that socket",
        .generation = Generation::ours,
        .store = [](Options& o, const Value& value) { o.ssh_proxy = value.text(); },
    },
    Option{
        .names = "--list-methods",
        .help = "print all names and methods that scripts can use, with signatures",
        .generation = Generation::ours,
        .store = [](Options& o, const Value&) { o.list_methods = true; },
    },
    Option{
        .names = "-h,--help",
        .help = "print this text",
    },
    Option{
        .names = "--version",
        .help = "print the version",
        .generation = Generation::ours,
    },
};

} // namespace ntd::cli
