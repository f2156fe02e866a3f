#pragma once

#include <ntd/machine/machine.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

// What tests do with a running guest, made of Machine's commands. Names and meanings are those of
// the Python driver's methods.
namespace ntd::machine {

using User = std::optional<std::string>;

// Each must end with a status other than zero. Returns the joined output.
std::string fail(Machine& machine, const std::vector<std::string>& commands, Timeout timeout);

// A try takes no longer than `attempt`, if given; one that does has told nothing.
std::string
wait_until_succeeds(Machine& machine, const std::string& command, Timeout timeout, Timeout attempt);
std::string wait_until_fails(Machine& machine, const std::string& command, Timeout timeout);

// Until the unit is active. Throws RequestedAssertionFailed at once, with the reason, if it has
// failed, or is inactive with no job that could change it. A user's manager is waited for as well.
void wait_for_unit(Machine& machine, const std::string& unit, const User& user, Timeout timeout);

// Until the unit's ActiveState is `wanted`, whichever that is. Throws UsageError if no unit can
// have it.
void wait_for_unit_active_state(Machine& machine,
                                const std::string& unit,
                                const std::string& wanted,
                                Timeout timeout,
                                const User& user);

std::map<std::string, std::string>
get_unit_info(Machine& machine, const std::string& unit, const User& user);

void require_unit_state(Machine& machine, const std::string& unit, const std::string& state);

// Not quoted are names of units here, files, sockets and hosts: scripts rely on ~ and patterns.
ExecResult start_job(Machine& machine, const std::string& job, const User& user);
ExecResult stop_job(Machine& machine, const std::string& job, const User& user);

void wait_for_file(Machine& machine, const std::string& path, Timeout timeout);

void wait_for_open_port(Machine& machine,
                        const std::string& port,
                        const std::string& address,
                        Timeout timeout);
void wait_for_closed_port(Machine& machine,
                          const std::string& port,
                          const std::string& address,
                          Timeout timeout);

enum class SocketKind { stream, datagram };
void wait_for_open_unix_socket(Machine& machine,
                               const std::string& path,
                               SocketKind kind,
                               Timeout timeout);

// In the guest's time.
void sleep(Machine& machine, double seconds);

} // namespace ntd::machine
