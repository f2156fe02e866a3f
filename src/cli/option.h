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

// What an option was given, on the command line or in its variable.
struct Value {
    const Option& option;
    std::vector<std::string> words{}; // more or less than one only of a list
    std::string_view variable{};      // that it is from; none: from the command line

    const std::string& text() const { return words.back(); }
    std::string source() const; // "--repeat", or the name of the variable

    // What is said of the value follows its source and itself: "it must be ...".
    [[noreturn]] void refuse(std::string_view what) const;

    // Which of the option's choices it is.
    std::size_t choice() const;
};

// Options that cannot be given beside this one, separated by blanks, and what is said then. That
// may name {option} and its {value}, the {other} one and its {other_value}.
struct Conflict {
    std::string_view with;
    std::string_view message;
};

// Where `--help` and the manual have it.
enum class Section { file, options, how };

// Which callers know it.
enum class Generation {
    options, // up to NixOS 25.11: says what to run, and so cannot be given beside --config
    file,    // NixOS 26.05 and later
    any,
    ours, // not known to the Python driver
};

// An option, declared once in option_table.h: the command line is read, checked and explained
// after it.
struct Option {
    std::string_view names;      // "-c,--config"; without dashes: words that no option takes
    std::string_view metavar{};  // "FILE"; of a list "SCRIPT..."; of a flag none
    std::string_view variable{}; // what is taken where it is not given
    std::string_view fallback{}; // what it is without, for people
    std::string_view choices{};  // if there are only some, separated by blanks
    std::string_view help;
    Section section = Section::how;
    Generation generation = Generation::any;
    std::string_view same_as{}; // the option that this is another name of
    std::string_view negates{}; // the flag that this takes back
    std::span<const Conflict> conflicts{};

    // Where the value goes; of a flag only if it is set.
    void (*store)(Options& options, const Value& value) = nullptr;
    void (*apply)(const Options& options, machine::Host& host) = nullptr;

    bool is_positional() const { return !names.starts_with('-'); }
    bool is_flag() const { return metavar.empty() && !is_positional(); }
    bool is_list() const { return metavar.ends_with("..."); }

    std::optional<std::size_t> choice_of(std::string_view word) const;

    char letter() const { return is_positional() || names[1] == '-' ? '\0' : names[1]; }
    std::string_view long_name() const { return names.substr(names.rfind(',') + 1); }
};

// The row of the table that has the option's value: its own, but for another name of one.
const Option& owner_of(const Option& option);

// By its long name, which is in the table.
const Option& option_named(std::string_view long_name);

// The names of what it can be taken from: "--vlans or $vlans".
std::string sources_of(const Option& option);

// "a, b or c"
std::string alternatives(std::string_view words);

} // namespace ntd::cli
