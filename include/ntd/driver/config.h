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
    std::string xauthority; // a file of the container
};

struct MachineConfig {
    std::string name;         // its key in the file
    std::string host_name;    // the key `name` there: the script can use that, too
    std::string start_script; // of a VM: anything that `sh -c` takes

    // Of a container: its screens, and for each backend the program in it that shows one as VNC.
    std::vector<DisplayTarget> display_targets{};
    std::map<std::string, std::string> display_servers{};

    // For each protocol ("vnc") the program that shows its screens to a person, if it has one of
    // its own.
    std::map<std::string, std::string> display_viewers{};
};

// All that decides a run, whichever generation of caller it comes from.
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

    // For each protocol ("vnc") the program that shows a screen to a person.
    std::map<std::string, std::string> display_viewers{};
};

// Reads the JSON file of --config. Throws UsageError, with the file and the key, on anything that
// is missing or has the wrong type. Unknown keys are returned, dotted, for a debug line.
Config read_config(const std::filesystem::path& file, std::vector<std::string>& unknown_keys);

// From the start script's file name, `run-NAME-vm` or `run-NAME-nspawn`; otherwise "machine".
// A command line has a name only if it ends with such a one, as that of the Python driver.
std::string machine_name(std::string_view start_script);

// The identifier under which the test script sees a machine: `web-1` is `web_1`.
std::string python_name(std::string_view machine);

// Makes relative start scripts absolute, because they run in the machine's state directory, and
// leaves each VLAN number once.
void normalise_config(Config& config);

// Checks that hold for every way to configure: names unique and usable as file names, start scripts
// there and executable, the script readable. Throws UsageError.
void check_config(const Config& config);

} // namespace ntd::driver
