#pragma once

#include "option.h"

#include <cstddef>
#include <string>

namespace ntd::cli {

constexpr std::size_t widest_help = 100;

// What --help prints: the usage and all that is in the table.
std::string help(std::size_t width);

// An option's help, complete.
std::string help_of(const Option& option);

// What the Python driver does not have, and where the other differences are described.
std::string about_differences();

// "variable: vlans; default: none", or less of it.
std::string note_of(std::string_view variable, std::string_view fallback);

// The text with something in the place of each such name.
std::string filled_in(std::string_view text, std::string_view name, std::string_view with);

} // namespace ntd::cli
