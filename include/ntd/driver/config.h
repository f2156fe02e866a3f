#pragma once

#include <ntd/driver/values.h>
#include <ntd/machine/habits.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ntd::driver {

// A screen of a container.
struct DisplayTarget {
    std::string backend; // "x11"
    std::string display;
    std::string xauthority; // a path in the container
};

struct MachineConfig {
    std::string name;         // its key in the configuration file
    std::string host_name;    // the key `name` there; a second name for scripts
    std::string start_script; // of a VM: any command for `sh -c`

    // Of a container: its screens, and for each backend the program in the container that serves a
    // screen over VNC.
    std::vector<DisplayTarget> display_targets{};
    std::map<std::string, std::string> display_servers{};

    // Viewers of this machine's screens, by protocol ("vnc"), if it has its own.
    std::map<std::string, std::string> display_viewers{};
};

// The configuration of a run, for every generation of caller.
struct Config {
    machine::Habits habits = machine::habits_of_options;
    std::vector<MachineConfig> vms{};
    std::vector<MachineConfig> containers{};
    std::vector<int> vlans{};
    std::optional<double> global_timeout{}; // seconds
    bool enable_ssh_backdoor = false;
    std::optional<int> vsock_offset{};   // --dump-vsocks
    bool vsock_siblings = false;         // guests reach each other's vsocks
    std::filesystem::path test_script{}; // empty: none

    // Viewers of screens, by protocol ("vnc").
    std::map<std::string, std::string> display_viewers{};
};

// Reads the JSON file of --config. Throws UsageError, with the file and the key, if something is
// missing or has the wrong type. Returns unknown keys, dotted, in `unknown_keys` for a debug
// message.
Config read_config(const std::filesystem::path& file, std::vector<std::string>& unknown_keys);

// The machine's name from the file name of its start script, `run-NAME-vm` or `run-NAME-nspawn`;
// otherwise "machine". A command line must end with such a name, as with the Python driver.
std::string machine_name(std::string_view start_script);

// The identifier of a machine in test scripts: `web_1` for `web-1`.
std::string python_name(std::string_view machine);

// Makes paths of start scripts absolute, because they run in the machine's state directory, and
// removes duplicate VLAN numbers.
void normalise_config(Config& config);

// Checks that apply to every kind of configuration: names are unique and usable as file names,
// start scripts exist and are executable, the script is readable. Throws UsageError.
void check_config(const Config& config);

} // namespace ntd::driver
