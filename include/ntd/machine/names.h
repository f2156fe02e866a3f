#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ntd::machine {

// Why a machine cannot have this name, or nothing if it can. Directories, files and a cgroup are
// named after machines: whoever makes one asks first.
std::optional<std::string> trouble_with_name(std::string_view name);

// The name for a message: its beginning, control characters as \xNN.
std::string shown_name(std::string_view name);

// Throws UsageError, with the name, if a machine cannot have it.
void check_machine_name(std::string_view name);

// Throws UsageError if no VLAN can have this number.
void check_vlan_number(int number);

} // namespace ntd::machine
