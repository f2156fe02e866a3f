#pragma once

#include <ntd/driver/config.h>
#include <ntd/log/event.h>
#include <ntd/machine/host.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace ntd::cli {

// What the command line, the environment and the file of --config decide, read and checked.
struct Options {
    driver::Config config;
    log::Level log_level = log::Level::info;
    bool interactive = false;
    // One of these, and nothing else: the rest has not been looked at.
    bool list_methods = false;
    std::string ssh_proxy;
    bool keep_machine_state = false;
    bool pcap = false;
    bool keep_pcap = false;
    bool stream_output = false;
    bool watch = false;                    // run the script again whenever it is saved
    bool vnc = false;                      // machines have a VNC server
    bool until_fail = false;               // run it all again until it fails
    std::optional<int> repeat;             // how many times at most; see is_repeated()
    std::optional<std::size_t> max_output; // of a command, in bytes
    machine::Backdoor backdoor = machine::Backdoor::automatic;
    std::filesystem::path output_directory; // absolute, exists
    std::optional<std::filesystem::path> junit_xml;
    std::string junit_suite = "NixOS integration test";
    std::optional<std::filesystem::path> logfile; // the XML log
    std::optional<std::string> debug_hook_attach;
    std::vector<std::string> notes;               // warnings for the log, once there is one
    std::vector<std::string> unknown_config_keys; // for a debug line

    bool is_repeated() const { return repeat || until_fail; }
};

// There is nothing to run: what to print, and the status to end with.
struct ExitNow {
    int status = 0;
    std::string out;
    std::string err;
};

// Looks a variable up; nullptr if it is not set. getenv(3), except in tests.
using Environment = std::function<const char*(const char* name)>;

// Arguments are without the program's name. Does not throw for anything that a user can write.
std::variant<Options, ExitNow> parse_options(std::span<const std::string> arguments,
                                             const Environment& environment);

std::variant<Options, ExitNow> parse_options(int argc, const char* const* argv);

} // namespace ntd::cli
