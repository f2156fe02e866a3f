#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ntd::qemu {

// Paths of the sockets between the driver and QEMU.
struct QemuSockets {
    std::string qmp;     // QEMU listens
    std::string monitor; // we listen
    std::string shell;   // we listen; becomes the guest's /dev/hvc0
    std::string port{};  // we listen; becomes the port proto::port_name; empty: no port
    std::string vnc{};   // QEMU listens for VNC viewers; empty: no VNC
    std::string vsock{}; // vhost-device-vsock listens; empty: none
};

enum class Reboot { ends_qemu, restarts_guest };
enum class Display { none, window };

// The arguments that a start script must pass on to QEMU. Other programs parse them: do not change
// their form.
std::vector<std::string> qemu_arguments(const QemuSockets& sockets, Reboot reboot, Display display);

// The text for `sh -c`: the start command, then the arguments, quoted. The start command may be a
// path or any shell text.
std::string start_command_line(std::string_view start_command,
                               const std::vector<std::string>& arguments);

// The environment of a start script: `inherited`, with our variables added or replaced. A
// NIX_EFI_VARS that is already set stays.
std::vector<std::string> start_environment(std::vector<std::string> inherited,
                                           std::string_view state_dir,
                                           std::string_view shared_dir,
                                           std::string_view efi_vars);

// Returns Display::window if DISPLAY or WAYLAND_DISPLAY is set.
Display display_of(const std::vector<std::string>& environment);

} // namespace ntd::qemu
