#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace ntd::machine {

// Differences between releases of NixOS in what tests, and readers of their logs, expect of a
// driver. How the caller passes the test's settings shows which release it was written for.
struct Habits {
    std::string_view state_directory; // in the message about its deletion
    bool names_kind;                  // the log message of a kill names the kind of machine

    // Time limit until the guest's root shell is there. None: no limit while the guest makes
    // progress.
    std::optional<std::chrono::duration<double>> boot_limit;

    // Warns of deprecated forms: bare numbers as durations, `machine` for a machine with another
    // name.
    bool warns;
};

// Releases up to 25.11 pass options and environment variables.
inline constexpr Habits habits_of_options{
    .state_directory = "VM state directory",
    .names_kind = false,
    .boot_limit = std::nullopt,
    .warns = false,
};

// Releases since 26.05 pass a file.
inline constexpr Habits habits_of_file{
    .state_directory = "machine state directory",
    .names_kind = true,
    .boot_limit = std::chrono::duration<double>(300),
    .warns = true,
};

} // namespace ntd::machine
