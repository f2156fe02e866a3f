#pragma once

#include <sys/types.h>

#include <optional>
#include <string_view>

namespace ntd::vm {

// What a start script says when it has run systemd-nspawn, before the number of that process.
constexpr std::string_view pid_line = "systemd-nspawn's PID is ";

// The number behind pid_line in the console's text, once it is there.
std::optional<pid_t> announced_pid(std::string_view text);

// Whether two processes execute different files. The child that is to be a container's init is
// systemd-nspawn itself first, with more rights and other namespaces than the container will have.
bool executes_another_program(pid_t one, pid_t other);

// The child of systemd-nspawn that is a container's init, once there is one.
std::optional<pid_t> init_below(pid_t nspawn);

} // namespace ntd::vm
