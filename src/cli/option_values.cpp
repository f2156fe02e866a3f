#include "option_values.h"

#include "command_line.h"
#include "option_table.h"

#include <ntd/base/text.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <string_view>
#include <system_error>

namespace ntd::cli {

namespace {

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

std::optional<std::size_t> parse_size(std::string_view text) {
    constexpr std::string_view units = "KMGT";
    std::size_t shift = 0;
    if (!text.empty())
        if (const auto unit = units.find(text.back()); unit != units.npos) {
            shift = 10 * (unit + 1);
            text.remove_suffix(1);
        }
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool fits = value << shift >> shift == value;
    if (error != std::errc() || end != text.data() + text.size() || value == 0 || !fits)
        return std::nullopt;
    return value << shift;
}

} // namespace

std::filesystem::path only_script(const Options& options, const Value& value) {
    if (value.words.size() > 1)
        throw CommandLineError("only one test script can be given, but there are {}: '{}'",
                               value.words.size(), join(value.words, "', '"));
    const auto& other = options.config.test_script; // this overrides the variable
    return other.empty() ? std::filesystem::path(value.text()) : other;
}

std::vector<int> vlans_from(const Value& value) {
    std::vector<int> vlans;
    for (const std::string& word : value.words) {
        const auto number = driver::parse_int(word);
        if (!number)
            throw UsageError("VLAN number '{}' ({}) is not a whole number; to end a list before "
                             "the test script, write '--'",
                             word, sources_of(value.option));
        vlans.push_back(*number);
    }
    return vlans;
}

double time_limit_from(const Value& value) {
    const auto seconds = driver::parse_time_limit(value.text());
    if (!seconds)
        throw UsageError("global timeout '{}' ({}) must be a number of seconds above 0, or a "
                         "duration such as PT1H30M or 01:30:00, of no more than 999999999 days",
                         value.text(), sources_of(value.option));
    return *seconds;
}

int offset_from(const Value& value) {
    const auto offset = driver::parse_int(value.text());
    if (!offset)
        value.refuse("the offset must be a whole number");
    return *offset;
}

log::Level log_level_from(const Value& value) {
    const auto index = value.option.choice_of(lower(value.text()));
    if (!index)
        throw UsageError("log level '{}' (from {}{}) is unknown; it must be {}", value.text(),
                         value.variable.empty() ? "" : "the variable ", value.source(),
                         alternatives(value.option.choices));
    constexpr std::array levels{log::Level::debug, log::Level::info, log::Level::warning,
                                log::Level::error};
    return levels.at(*index);
}

machine::Backdoor backdoor_from(const Value& value) {
    constexpr std::array channels{machine::Backdoor::automatic, machine::Backdoor::virtconsole,
                                  machine::Backdoor::vsock};
    return channels.at(value.choice());
}

Console console_from(const Value& value) {
    constexpr std::array times{Console::live, Console::failure, Console::never};
    return times.at(value.choice());
}

evidence::Keep evidence_from(const Value& value) {
    constexpr std::array runs{evidence::Keep::never, evidence::Keep::failure,
                              evidence::Keep::always};
    return runs.at(value.choice());
}

std::size_t size_from(const Value& value) {
    const auto size = parse_size(value.text());
    if (!size)
        value.refuse("it must be a number of bytes above 0, or of KiB, MiB, GiB or TiB with K, M, "
                     "G or T behind it");
    return *size;
}

int number_of_runs(const Value& value) {
    const auto times = driver::parse_int(value.text());
    if (!times || *times < 1)
        value.refuse("the number of runs must be a whole number above 0");
    return *times;
}

} // namespace ntd::cli
