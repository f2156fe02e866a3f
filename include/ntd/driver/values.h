#pragma once

#include <optional>
#include <string_view>

namespace ntd::driver {

// Values as people write them, in options, variables and the file of --config alike.

// An ISO 8601 duration such as PT1H30M, in seconds. Nothing if it is not one; years and months,
// whose length is not fixed, are not taken.
std::optional<double> parse_iso_duration(std::string_view text);

// What clocks show: HH:MM:SS or HH:MM, seconds with a fraction if need be; days may stand before
// it, as in "1 02:30:00" or "1 day, 02:30:00". In seconds, or nothing if it is not one.
std::optional<double> parse_clock_duration(std::string_view text);

// A positive time limit: seconds such as 90 or 1.5, or a duration in one of these two forms.
std::optional<double> parse_time_limit(std::string_view text);

// A whole decimal number, and nothing else but blanks around it.
std::optional<int> parse_int(std::string_view text);

// Whether a test can be given so many seconds: above 0, and no more than Python has as a duration.
bool is_time_limit(double seconds);

} // namespace ntd::driver
