#include <ntd/driver/values.h>

#include "ascii.h"

#include <ntd/base/text.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <regex>
#include <system_error>

namespace ntd::driver {

namespace {

std::string_view trim(std::string_view text) {
    text = trim_right(text);
    return text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
}

std::optional<double> parse_decimal(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

// The longest duration of Python's timedelta, in seconds.
constexpr double longest_time_limit = 999'999'999 * 86400.0;

} // namespace

bool is_time_limit(double seconds) {
    return seconds > 0 && seconds <= longest_time_limit;
}

std::optional<int> parse_int(std::string_view text) {
    text = trim(text);
    if (text.starts_with('+') && text.size() > 1 && is_ascii_digit(text[1]))
        text.remove_prefix(1);
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

std::optional<double> parse_iso_duration(std::string_view text) {
    struct Unit {
        char letter;
        double seconds;
        bool is_time; // comes after the T
    };
    constexpr std::array units{Unit{'W', 604800, false}, Unit{'D', 86400, false},
                               Unit{'H', 3600, true}, Unit{'M', 60, true}, Unit{'S', 1, true}};
    if (!text.starts_with('P'))
        return std::nullopt;
    text.remove_prefix(1);
    double total = 0;
    bool in_time = false;
    auto next_unit = units.begin(); // they come in this order, each at most once
    do {
        if (!in_time && text.starts_with('T')) {
            in_time = true;
            text.remove_prefix(1);
        }
        const auto length = std::min(text.find_first_not_of("0123456789.,"), text.size());
        std::string digits(text.substr(0, length));
        std::replace(digits.begin(), digits.end(), ',', '.');
        const auto count = parse_decimal(digits);
        if (!count || !is_ascii_digit(digits.front()) || length == text.size())
            return std::nullopt;
        next_unit = std::find_if(next_unit, units.end(), [&](const Unit& unit) {
            return unit.letter == text[length] && unit.is_time == in_time;
        });
        if (next_unit == units.end())
            return std::nullopt;
        total += *count * next_unit++->seconds;
        text.remove_prefix(length + 1);
    } while (!text.empty());
    return total;
}

std::optional<double> parse_clock_duration(std::string_view text) {
    static const std::regex form(R"((?:(\d{1,9}) ?(?:d|days?)?,? {1,9})?(\d{1,11}):([0-5]\d))"
                                 R"((?::([0-5]\d(?:\.\d{1,9})?))?)",
                                 std::regex::optimize);
    std::cmatch parts;
    if (!std::regex_match(text.data(), text.data() + text.size(), parts, form))
        return std::nullopt;
    const auto part = [&](std::size_t number) {
        return parse_decimal({parts[number].first, std::size_t(parts.length(number))}).value_or(0);
    };
    return 86400 * part(1) + 3600 * part(2) + 60 * part(3) + part(4);
}

std::optional<double> parse_time_limit(std::string_view text) {
    text = trim(text);
    auto seconds = parse_decimal(text);
    if (!seconds)
        seconds = text.starts_with('P') ? parse_iso_duration(text) : parse_clock_duration(text);
    if (!seconds || !is_time_limit(*seconds))
        return std::nullopt;
    return seconds;
}

} // namespace ntd::driver
