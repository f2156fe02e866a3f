#pragma once

#include <string>
#include <vector>

namespace fake {

// The guest's own commands: the same program, called by another name through a link.
void make_command_links(const std::string& directory);
bool is_guest_command(const std::string& name);
int run_guest_command(const std::string& name, const std::vector<std::string>& arguments);

int run_systemctl(const std::vector<std::string>& arguments);
// Asks fake_vm to act: "poweroff" or "reboot". Returns the exit status.
int send_to_machine(const std::string& request);
std::string guest_directory();

} // namespace fake
