#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ntd::qemu {

// The sockets between the driver and QEMU, by path.
struct QemuSockets {
    std::string qmp;     // QEMU listens
    std::string monitor; // we listen
    std::string shell;   // we listen; becomes the guest's /dev/hvc0
    std::string port{};  // we listen; becomes the port proto::port_name; empty: there is none
    std::string vnc{};   // QEMU listens for viewers of the screen; empty: it does not
    std::string vsock{}; // vhost-device-vsock listens; empty: none
};

enum class Reboot { ends_qemu, restarts_guest };
enum class Display { none, window };

// What a start script has to pass on to QEMU. Other programs parse this: keep the forms.
std::vector<std::string> qemu_arguments(const QemuSockets& sockets, Reboot reboot, Display display);

// The text for `sh -c`: the start command, which may be a path or any shell text, with arguments
// behind it.
std::string start_command_line(std::string_view start_command,
                               const std::vector<std::string>& arguments);

// The environment of a start script: `inherited` without what is replaced, then ours. A place that
// is given for the EFI variables stays.
std::vector<std::string> start_environment(std::vector<std::string> inherited,
                                           std::string_view state_dir,
                                           std::string_view shared_dir,
                                           std::string_view efi_vars);

// Whether a window can be shown: DISPLAY or WAYLAND_DISPLAY is set.
Display display_of(const std::vector<std::string>& environment);

} // namespace ntd::qemu
