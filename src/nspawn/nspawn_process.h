#pragma once

#include <sys/types.h>

#include <optional>
#include <string_view>

namespace ntd::nspawn {

// Start scripts print this, then the pid, when they have started systemd-nspawn.
constexpr std::string_view pid_line = "systemd-nspawn's PID is ";

// The pid after pid_line in the console's text, if it is there.
std::optional<pid_t> announced_pid(std::string_view text);

// The content of a message of sd_notify(3), such as "READY=1\nSTATUS=...".
struct Notice {
    bool is_ready = false;       // READY=1: the container has booted
    std::optional<pid_t> leader; // X_NSPAWN_LEADER_PID: the container's init
};
Notice notice_of(std::string_view message);

// Whether `process` is the start script or its descendant, and is outside of the container.
bool is_part_of(pid_t process, pid_t start_script);

// Returns the parent of `init` if `init` is a container's init and its parent is the start script
// or a descendant of it.
std::optional<pid_t> nspawn_of(pid_t init, pid_t start_script);

// Whether systemd-nspawn runs with --notify-ready=yes: then init sends READY=1. Otherwise
// systemd-nspawn sends it itself, as soon as it starts init.
bool lets_init_be_ready(pid_t nspawn);

// Whether two processes execute different files. The child of systemd-nspawn that becomes init
// first executes systemd-nspawn itself, with more privileges and other namespaces than the
// container will have.
bool executes_another_program(pid_t one, pid_t other);

// Finds the child of systemd-nspawn that is the container's init, if it exists already.
std::optional<pid_t> init_below(pid_t nspawn);

} // namespace ntd::nspawn
