#pragma once

#include "option_table.h"

#include <functional>
#include <span>
#include <string>
#include <variant>

namespace ntd::cli {

// There is nothing to run: what to print, and the exit status.
struct ExitNow {
    int status = 0;
    std::string out;
    std::string err;
};

// Looks up an environment variable; nullptr if it is not set. getenv(3), except in tests.
using Environment = std::function<const char*(const char* name)>;

// `arguments` excludes the program's name. Never throws for user input.
std::variant<Options, ExitNow> parse_options(std::span<const std::string> arguments,
                                             const Environment& environment);

std::variant<Options, ExitNow> parse_options(int argc, const char* const* argv);

} // namespace ntd::cli
