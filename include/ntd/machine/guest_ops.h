#pragma once

#include <ntd/machine/machine.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

// The operations of tests on a running guest, built on Machine's commands. Names and meanings
// follow the methods of the Python driver.
namespace ntd::machine {

using User = std::optional<std::string>;

// Runs the commands, each of which must fail. Returns their joined output.
std::string fail(Machine& machine, const std::vector<std::string>& commands, Timeout timeout);

// `attempt` limits each try. A try that reaches this limit counts as not yet successful.
std::string
wait_until_succeeds(Machine& machine, const std::string& command, Timeout timeout, Timeout attempt);
std::string wait_until_fails(Machine& machine, const std::string& command, Timeout timeout);

// Waits until the unit is active. Throws RequestedAssertionFailed with the reason as soon as the
// unit has failed, or is inactive and no job is pending. Also waits for the systemd manager of
// `user`.
void wait_for_unit(Machine& machine, const std::string& unit, const User& user, Timeout timeout);

// Waits until the unit's ActiveState is `wanted`. Throws UsageError if systemd has no such state.
void wait_for_unit_active_state(Machine& machine,
                                const std::string& unit,
                                const std::string& wanted,
                                Timeout timeout,
                                const User& user);

std::map<std::string, std::string>
get_unit_info(Machine& machine, const std::string& unit, const User& user);

void require_unit_state(Machine& machine, const std::string& unit, const std::string& state);

// Names of units, files, sockets and hosts are not quoted for the shell here: scripts rely on ~ and
// patterns.
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

// Sleeps in the guest, by the guest's clock.
void sleep(Machine& machine, double seconds);

} // namespace ntd::machine
