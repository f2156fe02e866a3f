#pragma once

#include "option.h"

#include <map>
#include <span>
#include <string>
#include <vector>

namespace ntd::cli {

// Callers expect Python's argparse, which parses a command line differently from CLI11: unique
// prefixes, short options with "=", words after "--", values such as [a,b]. This translates a
// command line for CLI11: options get their full long names, and each value gets the prefix "=", so
// that CLI11 does not interpret it.
struct Translation {
    std::vector<std::string> words;
    std::map<const Option*, std::string> names; // the full name with which each was given last
};

// Throws CommandLineError for an unknown option and for a missing value.
Translation from_argparse(std::span<const std::string> arguments);

// The original value of a translated word.
std::string meant_by(const std::string& word);

} // namespace ntd::cli
