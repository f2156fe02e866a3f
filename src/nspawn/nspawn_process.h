#pragma once

#include <sys/types.h>

#include <optional>
#include <string_view>

namespace ntd::nspawn {

// What a start script says when it has run systemd-nspawn, before the number of that process.
constexpr std::string_view pid_line = "systemd-nspawn's PID is ";

// The number behind pid_line in the console's text, once it is there.
std::optional<pid_t> announced_pid(std::string_view text);

// What a message of sd_notify(3), "READY=1\nSTATUS=...", says of a container.
struct Notice {
    bool is_ready = false;       // its systemd has booted
    std::optional<pid_t> leader; // its init
};
Notice notice_of(std::string_view message);

// Whether `process` is a start script's or was started by it, and is outside of the container.
bool is_part_of(pid_t process, pid_t start_script);

// Who has started a container's init, if that is one, and was started by that start script.
std::optional<pid_t> nspawn_of(pid_t init, pid_t start_script);

// Whether systemd-nspawn was told to leave it to init to say READY=1. Else it says so itself, when
// it starts init.
bool lets_init_be_ready(pid_t nspawn);

// Whether two processes execute different files. The child that is to be a container's init is
// systemd-nspawn itself first, with more rights and other namespaces than the container will have.
bool executes_another_program(pid_t one, pid_t other);

// The child of systemd-nspawn that is a container's init, once there is one.
std::optional<pid_t> init_below(pid_t nspawn);

} // namespace ntd::nspawn
