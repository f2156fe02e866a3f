#pragma once

#include "option_table.h"

#include <functional>
#include <span>
#include <string>
#include <variant>

namespace ntd::cli {

// There is nothing to run: what to print, and the status to end with.
struct ExitNow {
    int status = 0;
    std::string out;
    std::string err;
};

// Looks a variable up; nullptr if it is not set. getenv(3), except in tests.
using Environment = std::function<const char*(const char* name)>;

// Arguments are without the program's name. Does not throw for anything that a user can write.
std::variant<Options, ExitNow> parse_options(std::span<const std::string> arguments,
                                             const Environment& environment);

std::variant<Options, ExitNow> parse_options(int argc, const char* const* argv);

} // namespace ntd::cli
