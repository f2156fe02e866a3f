#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ntd::driver {

// A key of the file of --config, for people to read.
struct ConfigKey {
    std::string name; // dotted, as in "vms.NAME.start_script"
    std::string_view type;
    std::string_view otherwise; // the value, as JSON, where the key is missing; empty: it must not
    std::string_view help;
};

// All keys, in the order in which a file has them.
std::vector<ConfigKey> config_keys();

} // namespace ntd::driver
