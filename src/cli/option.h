#pragma once

#include <ntd/machine/host.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ntd::cli {

struct Option;
struct Options;

// The value of an option, from the command line or its variable.
struct Value {
    const Option& option;
    std::vector<std::string> words{}; // exactly one, except for lists
    std::string_view variable{};      // the variable it came from; empty: from the command line

    const std::string& text() const { return words.back(); }
    std::string source() const; // "--repeat", or the name of the variable

    // Throws UsageError: source, value, then `what`, such as "it must be ...".
    [[noreturn]] void refuse(std::string_view what) const;

    // The index of the value in the option's choices.
    std::size_t choice() const;
};

// Options that conflict with this one, separated by blanks, and the error message. The message may
// use {option}, its {value}, the {other} option and its {other_value}.
struct Conflict {
    std::string_view with;
    std::string_view message;
};

// The section of --help and of the manual.
enum class Section { file, options, how };

// The callers that know an option.
enum class Generation {
    options, // up to NixOS 25.11: says what to run, so it conflicts with --config
    file,    // NixOS 26.05 and later
    any,
    ours, // not known to the Python driver
};

// An option, declared once in option_table.h. That row defines how it is parsed, checked and
// explained.
struct Option {
    std::string_view names;      // "-c,--config"; without dashes: positional words
    std::string_view metavar{};  // "FILE"; "SCRIPT..." for a list; empty for a flag
    std::string_view variable{}; // used if the option is not given
    std::string_view fallback{}; // the default, as text for people
    std::string_view choices{};  // the allowed values, separated by blanks; empty: any
    std::string_view help;
    Section section = Section::how;
    Generation generation = Generation::any;
    std::string_view same_as{}; // the option that this is an alias of
    std::string_view negates{}; // the flag that this switches off
    std::span<const Conflict> conflicts{};

    // Stores the value. For a flag, called only if it is on.
    void (*store)(Options& options, const Value& value) = nullptr;
    void (*apply)(const Options& options, machine::Host& host) = nullptr;

    bool is_positional() const { return !names.starts_with('-'); }
    bool is_flag() const { return metavar.empty() && !is_positional(); }
    bool is_list() const { return metavar.ends_with("..."); }

    std::optional<std::size_t> choice_of(std::string_view word) const;

    char letter() const { return is_positional() || names[1] == '-' ? '\0' : names[1]; }
    std::string_view long_name() const { return names.substr(names.rfind(',') + 1); }
};

// The row that holds the option's value: that of the option itself, or of the option that it is an
// alias of.
const Option& owner_of(const Option& option);

// Finds an option by its long name, which must be in the table.
const Option& option_named(std::string_view long_name);

// Where the value can come from: "--vlans or $vlans".
std::string sources_of(const Option& option);

// "a, b and c", with `last` as the word before the last one.
std::string enumeration(std::span<const std::string> words, std::string_view last);

// "a, b or c"; the words are separated by blanks.
std::string alternatives(std::string_view words);

} // namespace ntd::cli
