#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace ntd::machine {

// Where releases of NixOS disagree in what tests, and who reads their logs, may expect of a driver.
// Which one a caller was written for shows in how it says what to run.
struct Habits {
    std::string_view state_directory; // what it is called where it is deleted
    bool names_kind;                  // of a machine that is killed

    // How long a guest may take until its root shell is there; none: as long as it shows that it
    // is getting on.
    std::optional<std::chrono::duration<double>> boot_limit;

    // Of forms that will go: bare numbers for durations, `machine` for one of another name.
    bool warns;
};

// Up to 25.11: options and variables.
inline constexpr Habits habits_of_options{
    .state_directory = "VM state directory",
    .names_kind = false,
    .boot_limit = std::nullopt,
    .warns = false,
};

// Since 26.05: a file.
inline constexpr Habits habits_of_file{
    .state_directory = "machine state directory",
    .names_kind = true,
    .boot_limit = std::chrono::duration<double>(300),
    .warns = true,
};

} // namespace ntd::machine
