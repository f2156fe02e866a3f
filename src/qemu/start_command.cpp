#include <ntd/qemu/start_command.h>

#include <ntd/base/text.h>
#include <ntd/proto/shell_codec.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace ntd::qemu {

namespace {

bool is_plain_word(std::string_view text) {
    constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "0123456789/._+-=,:@%";
    return !text.empty() && text.find_first_not_of(plain) == text.npos;
}

// Escapes a value in a QEMU option: a comma would begin the next value, so it is doubled.
std::string option_value(std::string_view text) {
    std::string value;
    for (const char c : text)
        value.append(c == ',' ? 2 : 1, c);
    return value;
}

bool sets(std::string_view variable, std::string_view name) {
    return variable.size() > name.size() && variable.starts_with(name) &&
           variable[name.size()] == '=';
}

} // namespace

std::vector<std::string>
qemu_arguments(const QemuSockets& sockets, Reboot reboot, Display display) {
    std::vector<std::string> arguments{
        "-qmp",     fmt::format("unix:{},server=on,wait=off", option_value(sockets.qmp)),
        "-monitor", fmt::format("unix:{}", option_value(sockets.monitor)),
        "-chardev", fmt::format("socket,id=shell,path={}", option_value(sockets.shell)),
        "-device",  "virtio-serial",
        "-device",  "virtconsole,chardev=shell",
        "-device",  "virtio-rng-pci",
        "-serial",  "stdio",
    };
    if (reboot == Reboot::ends_qemu)
        arguments.emplace_back("-no-reboot");
    if (display == Display::none)
        arguments.emplace_back("-nographic");
    if (!sockets.vsock.empty())
        arguments.insert(arguments.end(), {"-chardev",
                                           fmt::format("socket,id=vsock_ssh,reconnect=0,path={}",
                                                       option_value(sockets.vsock)),
                                           "-device", "vhost-user-vsock-pci,chardev=vsock_ssh"});
    if (!sockets.port.empty())
        arguments.insert(arguments.end(),
                         {"-chardev",
                          fmt::format("socket,id=ntd-port,path={}", option_value(sockets.port)),
                          "-device",
                          fmt::format("virtserialport,chardev=ntd-port,id={},name={}",
                                      proto::port_id, proto::port_name)});
    if (!sockets.vnc.empty())
        arguments.insert(arguments.end(),
                         {"-vnc", fmt::format("unix:{}", option_value(sockets.vnc))});
    return arguments;
}

std::string start_command_line(std::string_view start_command,
                               const std::vector<std::string>& arguments) {
    // `exec` replaces the shell, so that the child's pid is that of the script, and of QEMU once
    // the script execs that.
    std::string line = is_plain_word(start_command) ? "exec " : "";
    line += start_command;
    for (const auto& argument : arguments)
        line += " " + (is_plain_word(argument) ? argument : shell_quote(argument));
    return line;
}

std::vector<std::string> start_environment(std::vector<std::string> inherited,
                                           std::string_view state_dir,
                                           std::string_view shared_dir,
                                           std::string_view efi_vars) {
    constexpr std::array<std::string_view, 3> ours{"TMPDIR", "SHARED_DIR", "USE_TMPDIR"};
    std::erase_if(inherited, [&](const std::string& variable) {
        return std::any_of(ours.begin(), ours.end(),
                           [&](std::string_view name) { return sets(variable, name); });
    });
    inherited.push_back(fmt::format("TMPDIR={}", state_dir));
    inherited.push_back(fmt::format("SHARED_DIR={}", shared_dir));
    inherited.emplace_back("USE_TMPDIR=1");
    std::erase(inherited, "NIX_EFI_VARS="); // an empty value counts as not set
    if (std::none_of(inherited.begin(), inherited.end(),
                     [](const auto& variable) { return sets(variable, "NIX_EFI_VARS"); }))
        inherited.push_back(fmt::format("NIX_EFI_VARS={}", efi_vars));
    return inherited;
}

Display display_of(const std::vector<std::string>& environment) {
    const bool window =
        std::any_of(environment.begin(), environment.end(), [](const std::string& variable) {
            return sets(variable, "DISPLAY") || sets(variable, "WAYLAND_DISPLAY");
        });
    return window ? Display::window : Display::none;
}

} // namespace ntd::qemu
