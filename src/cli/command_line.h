#pragma once

#include <ntd/base/error.h>

#include <set>
#include <span>
#include <string>
#include <vector>

namespace ntd::cli {

// The command line itself cannot be understood: the usage is shown with the message.
class CommandLineError : public UsageError {
    using UsageError::UsageError;
};

// The command line taken apart, nothing looked at yet.
struct CommandLine {
    std::vector<std::string> test_scripts; // what is not an option
    std::vector<std::string> vm_names;
    std::vector<std::string> vm_start_scripts; // --start-scripts too
    std::vector<std::string> container_names;
    std::vector<std::string> container_start_scripts;
    std::vector<std::string> vlans;
    std::string test_script; // the option
    std::string global_timeout;
    std::string dump_vsocks;
    std::string config;
    std::string log_level;
    std::string output_directory;
    std::string junit_xml;
    std::string debug_hook_attach;
    std::string repeat;
    std::string ssh_proxy;
    std::string backdoor;
    std::string max_output;
    bool interactive = false;
    bool keep_machine_state = false;
    bool pcap = false;
    bool keep_pcap = false;
    bool stream_output = false;
    bool watch = false;
    bool until_fail = false;
    bool vnc = false;
    bool vsock_siblings = false;
    bool keep_vm_state = false;
    bool help = false;
    bool version = false;
    bool list_methods = false;

    // As "--vlans", also where it had an empty list. An alias counts under the name given.
    std::set<std::string> given;
};

CommandLine read_command_line(std::span<const std::string> arguments);

} // namespace ntd::cli
