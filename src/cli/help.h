#pragma once

#include "option.h"

#include <cstddef>
#include <string>

namespace ntd::cli {

constexpr std::size_t widest_help = 100;

// The text of --help: the usage and all options of the table.
std::string help(std::size_t width);

// The complete help text of an option.
std::string help_of(const Option& option);

// A note on what the Python driver lacks, and where other differences are described.
std::string about_differences();

// "variable: vlans; default: none", without the parts that are empty.
std::string note_of(std::string_view variable, std::string_view fallback);

} // namespace ntd::cli
