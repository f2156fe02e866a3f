#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ntd::machine {

// Returns why a machine cannot have this name, or nothing if it can. Directories, files and a
// cgroup are named after machines: check before creating them.
std::optional<std::string> trouble_with_name(std::string_view name);

// The name as messages show it: its beginning, with control characters as \xNN.
std::string shown_name(std::string_view name);

// Throws UsageError if a machine cannot have this name.
void check_machine_name(std::string_view name);

// Throws UsageError if a VLAN cannot have this number.
void check_vlan_number(int number);

} // namespace ntd::machine
