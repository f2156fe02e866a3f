#pragma once

#include "option.h"

#include <map>
#include <span>
#include <string>
#include <vector>

namespace ntd::cli {

// Callers were written for Python's argparse, whose reading of a command line differs from CLI11's:
// unique prefixes, letters with an "=" behind, words after "--", values such as [a,b]. This is the
// same command line as CLI11 is to be given it: long options with their full names, and each word
// that is a value with a "=" in front, behind which CLI11 looks for nothing.
struct Translation {
    std::vector<std::string> words;
    std::map<const Option*, std::string> names; // under which each option was given last, in full
};

// Throws CommandLineError for an option that is not in the table, and one without its value.
Translation from_argparse(std::span<const std::string> arguments);

// The value that was meant by such a word.
std::string meant_by(const std::string& word);

} // namespace ntd::cli
