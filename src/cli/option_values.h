#pragma once

#include <ntd/log/event.h>
#include <ntd/machine/host.h>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace ntd::cli {

struct Options;
struct Value;

// Machines as options have them.
struct GivenMachines {
    std::vector<std::string> names;
    std::vector<std::string> start_scripts;
};

// What the words of an option mean. All throw UsageError, with where the words are from.
std::filesystem::path only_script(const Options& options, const Value& value);
std::vector<int> vlans_from(const Value& value);
double time_limit_from(const Value& value);
int offset_from(const Value& value);
log::Level log_level_from(const Value& value);
machine::Backdoor backdoor_from(const Value& value);
std::size_t size_from(const Value& value); // "512M": bytes, or so many KiB, MiB, GiB, TiB
int number_of_runs(const Value& value);

} // namespace ntd::cli
