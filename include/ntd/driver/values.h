#pragma once

#include <optional>
#include <string_view>

namespace ntd::driver {

// Parses values that options, variables and the file of --config have in common.

// Parses an ISO 8601 duration such as PT1H30M. Returns seconds, or nothing if it is not one. Years
// and months are not accepted, because their length varies.
std::optional<double> parse_iso_duration(std::string_view text);

// Parses HH:MM:SS or HH:MM, with optional fractions of a second. Days may come before it, as in
// "1 02:30:00" or "1 day, 02:30:00". Returns seconds, or nothing if it is not such a text.
std::optional<double> parse_clock_duration(std::string_view text);

// Parses a positive time limit: seconds such as 90 or 1.5, or a duration in one of these two forms.
std::optional<double> parse_time_limit(std::string_view text);

// Parses a decimal integer; blanks around it are allowed.
std::optional<int> parse_int(std::string_view text);

// Whether a time limit is above 0 and within the range of Python's timedelta.
bool is_time_limit(double seconds);

} // namespace ntd::driver
