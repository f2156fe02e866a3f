#pragma once

#include <ntd/evidence/keep.h>
#include <ntd/log/event.h>
#include <ntd/machine/host.h>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace ntd::cli {

// When the terminal shows the consoles of machines.
enum class Console { live, failure, never };

struct Options;
struct Value;

// Machines as given by options.
struct GivenMachines {
    std::vector<std::string> names;
    std::vector<std::string> start_scripts;
};

// Parse the words of an option. All throw UsageError, which names the source of the words.
std::filesystem::path only_script(const Options& options, const Value& value);
std::vector<int> vlans_from(const Value& value);
double time_limit_from(const Value& value);
int offset_from(const Value& value);
log::Level log_level_from(const Value& value);
machine::Backdoor backdoor_from(const Value& value);
Console console_from(const Value& value);
evidence::Keep evidence_from(const Value& value);
std::size_t size_from(const Value& value); // a size in bytes, KiB, MiB, GiB or TiB, such as "512M"
int number_of_runs(const Value& value);

} // namespace ntd::cli
