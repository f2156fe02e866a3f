#include "bindings.h"
#include "casters.h"
#include "overridable.h"
#include "process_handle.h"
#include "script_types.h"

#include <ntd/machine/console_wait.h>
#include <ntd/qemu/qemu_machine.h>
#include <ntd/qemu/start_command.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace py = pybind11;

namespace ntd::bindings {

namespace {

using namespace pybind11::literals;
using machine::ConsoleMatch;
using machine::Seconds;
using machine::Timeout;
using qemu::QemuMachine;

class OverridableQemu : public Overridable<QemuMachine> {
public:
    using Overridable::Overridable;

    std::string send_monitor_command(const std::string& command) override {
        const auto result = call_override("send_monitor_command", command);
        return result ? *result : QemuMachine::send_monitor_command(command);
    }
};

// Runs a function without the GIL and converts the bytes that it returns to text.
template <typename Function>
py::str text_from(Function function) {
    std::string bytes;
    {
        const py::gil_scoped_release without_gil;
        bytes = function();
    }
    return text_of(bytes);
}

std::size_t size_in_bytes(const py::str& text) {
    return text.cast<std::string>().size();
}

// `look` does the matching in Python: it gets the text and returns the end of its match, in
// characters.
bool wait_for_console(QemuMachine& self,
                      const py::function& look,
                      bool within_lines,
                      Timeout timeout) {
    const auto in_python = [&look](const std::string& bytes) -> std::optional<std::size_t> {
        const py::gil_scoped_acquire gil;
        const auto text = text_of(bytes);
        const py::object end = look(text);
        if (end.is_none())
            return std::nullopt;
        return size_in_bytes(text[py::slice(py::int_(0), end, py::none())]);
    };
    const auto match = within_lines ? ConsoleMatch::within_lines : ConsoleMatch::across_lines;
    const py::gil_scoped_release without_gil;
    return machine::wait_for_console(self, in_python, match, timeout);
}

// The next console line that no wait has consumed, without its newline.
std::optional<std::string> next_line(QemuMachine& self, Timeout timeout) {
    std::string line;
    const auto find_line = [&](const std::string& text) -> std::optional<std::size_t> {
        const auto newline = text.find('\n');
        if (newline == text.npos)
            return std::nullopt;
        line = text.substr(0, newline);
        return newline + 1;
    };
    constexpr std::size_t most = 1 << 16; // enough for one line
    const bool is_there =
        machine::wait_for_console(self, find_line, ConsoleMatch::within_lines, timeout, most);
    return is_there ? std::optional(line) : std::nullopt;
}

std::size_t pending_lines(QemuMachine& self) {
    std::size_t count = 0;
    auto part = self.console().part(self.console().consumed());
    for (;; part = self.console().part(part.begin + part.text.size())) {
        count += static_cast<std::size_t>(std::count(part.text.begin(), part.text.end(), '\n'));
        if (!part.more)
            return count;
    }
}

using Class =
    py::class_<QemuMachine, machine::Machine, OverridableQemu, std::shared_ptr<QemuMachine>>;

int monitor_fd(const QemuMachine& machine) {
    const auto qemu = machine.running();
    // Reads the monitor's greeting, which comes before the first answer, so that the caller does
    // not get it.
    qemu->hmp->execute("", machine::deadline_of(machine.host().silence));
    return qemu->hmp->fd();
}

void bind_attributes(Class& machine) {
    machine
        .def(py::init([](const std::string& start_command, const std::optional<std::string>& name,
                         const std::filesystem::path& out_dir, const std::filesystem::path& tmp_dir,
                         bool keep_machine_state) {
            return make_blocking<OverridableQemu>(
                session().runtime.host(),
                options_for(start_command, name, out_dir, tmp_dir, keep_machine_state));
        }))
        .def("_set_overridden",
             [](QemuMachine& self, const std::vector<std::string>& names) {
                 if (auto* overridable = dynamic_cast<OverridableQemu*>(&self))
                     overridable->overridden = {names.begin(), names.end()};
             })
        .def_property(
            "booted", [](const QemuMachine& self) { return self.booted.load(); },
            [](QemuMachine& self, bool value) { self.booted = value; })
        .def_property(
            "connected", [](const QemuMachine& self) { return self.connected.load(); },
            [](QemuMachine& self, bool value) { self.connected = value; })
        .def_property_readonly("pid", &pid_of)
        .def_property_readonly("start_command", &QemuMachine::start_command)
        .def_property_readonly(
            "monitor_path",
            [](const QemuMachine& self) { return std::filesystem::path(self.monitor_path()); })
        .def_property_readonly(
            "qmp_path",
            [](const QemuMachine& self) { return std::filesystem::path(self.qmp_path()); })
        .def_property_readonly(
            "shell_path",
            [](const QemuMachine& self) { return std::filesystem::path(self.shell_path()); })
        .def_property_readonly(
            "vnc_path",
            [](const QemuMachine& self) { return std::filesystem::path(self.vnc_path()); })
        .def_property_readonly(
            "efi_vars_path",
            [](const QemuMachine& self) { return std::filesystem::path(self.efi_vars_path()); })
        .def("_use_vsock", &QemuMachine::use_vsock, can_block())
        .def_property_readonly("_vsock", &QemuMachine::vsock_sockets);
}

void bind_life(Class& machine) {
    machine
        .def("start", &QemuMachine::start, "allow_reboot"_a = false, can_block(),
             R"(Start QEMU; return when it runs and answers, without waiting for the guest to boot.

             Does nothing if it runs. With ``allow_reboot`` a reboot of the guest restarts it;
             otherwise it ends QEMU. Raises MachineError at once if the start script fails.
             )")
        .def("shutdown", &QemuMachine::shutdown, can_block(),
             R"(Power the guest off and wait for QEMU's end. Nothing if it is off.)")
        .def("crash", &QemuMachine::crash, can_block(),
             R"(Pull the plug: end QEMU at once, and wait for its end. Nothing if it is off.)")
        .def("reboot", &QemuMachine::reboot, can_block(),
             R"(Press Ctrl-Alt-Delete; the next command waits for the new shell.

             For machines that were started with ``allow_reboot=True``.
             )")
        .def("wait_for_shutdown", &QemuMachine::wait_for_shutdown, can_block(),
             R"(Wait until the guest has powered off and QEMU has ended.)")
        .def(
            "_process",
            [](const QemuMachine& self) {
                return ProcessHandle(self.run(), self.host().interrupt,
                                     {"/bin/sh", "-c", self.start_command()});
            },
            can_block())
        .def(
            "_shell_fd", [](const QemuMachine& self) { return self.running()->guest->line_fd(); },
            can_block())
        .def("_monitor_fd", &monitor_fd, can_block());
}

// Long because it is a table, a row for each name.
void bind_monitors(Class& machine) {
    machine
        .def(
            "send_monitor_command",
            [](QemuMachine& self, const std::string& command) {
                return Output{self.send_monitor_command(command)};
            },
            "command"_a, can_block(),
            R"(Give a command to QEMU's human monitor; return its answer, the prompt included.)")
        .def(
            "wait_for_monitor_prompt",
            [](QemuMachine& self) { return Output{self.wait_for_monitor_prompt()}; }, can_block(),
            R"(Read the human monitor up to its next prompt.)")
        .def("_qmp_send",
             [](QemuMachine& self, const std::string& command, const std::string& arguments) {
                 return text_from([&] { return self.send_qmp(command, arguments); });
             })
        .def("_qmp_next_event", [](QemuMachine& self, Timeout timeout) -> std::optional<py::str> {
            const py::gil_scoped_release without_gil;
            const auto event = self.next_qmp_event(timeout);
            const py::gil_scoped_acquire gil;
            return event ? std::optional(text_of(*event)) : std::nullopt;
        });
}

void bind_keys(Class& machine) {
    machine
        .def(
            "send_key",
            [](QemuMachine& self, const std::string& key, const Limit& delay, bool log) {
                self.send_key(key, delay.length.value_or(Seconds(0)), log);
            },
            "key"_a, delay_by_default(), "log"_a = true, can_block(),
            R"(
            Press a key, named as QEMU does (``ctrl-alt-delete``), or a character of a US keyboard.

            ``delay`` is the time to wait afterwards.
            )")
        .def(
            "send_chars",
            [](QemuMachine& self, const std::string& chars, const Limit& delay) {
                self.send_chars(chars, delay.length.value_or(Seconds(0)));
            },
            "chars"_a, delay_by_default(), can_block(),
            R"(Type characters on a US keyboard, with ``delay`` after each.)");
}

void bind_network(Class& machine) {
    machine
        .def("forward_port", &QemuMachine::forward_port, "host_port"_a = 8080, "guest_port"_a = 80,
             can_block(),
             R"(Forward a TCP port of the host to one of the guest, through the user network.

             Raises MachineError with QEMU's words if it cannot: the port is in use, or is none.
             )")
        .def("_vde_cables",
             [](QemuMachine& self) {
                 const auto cables = [&] {
                     const py::gil_scoped_release without_gil;
                     return self.vde_cables();
                 }();
                 py::list named;
                 for (const auto& cable : cables)
                     named.append(py::make_tuple(text_of(cable.name), text_of(cable.socket)));
                 return named;
             })
        .def(
            "_set_link",
            [](QemuMachine& self, const std::string& name, bool connected) {
                self.set_link(name, connected ? QemuMachine::Link::on : QemuMachine::Link::off);
            },
            can_block())
        .def("block", &QemuMachine::block, can_block(),
             R"(Pull the cable of the first VLAN. Raises MachineError if QEMU has no such card.)")
        .def("unblock", &QemuMachine::unblock, can_block(),
             R"(Plug the cable of the first VLAN in again; an error as for block().)");
}

void bind_console(Class& machine) {
    machine
        .def("send_console", &QemuMachine::send_console, "chars"_a, can_block(),
             R"(Write characters to the serial console.)")
        .def("_tap_console", &QemuMachine::tap_console, can_block())
        .def(
            "get_console_log", [](QemuMachine& self) { return Output{self.get_console_log()}; },
            can_block(),
            R"(All that the serial console has shown since the last start.

            Of more than 1 GiB the first line says how much is gone.
            )")
        .def("_console_wait_for", &wait_for_console)
        .def("_console_next_line", &next_line, can_block())
        .def("_console_pending_lines", &pending_lines, can_block())
        .def(
            "_console_closed", [](QemuMachine& self) { return self.console().closed(); },
            can_block())
        .def("_console_wait_closed", &machine::wait_for_console_end, can_block());
}

} // namespace

void bind_qemu_machine(py::module_& module) {
    module.def(
        "start_command_line",
        [](const std::string& command, std::string monitor, std::string qmp, std::string shell,
           bool allow_reboot) {
            const qemu::QemuSockets sockets{
                .qmp = std::move(qmp), .monitor = std::move(monitor), .shell = std::move(shell)};
            const auto display = qemu::display_of(session().runtime.host().environment());
            const auto reboot =
                allow_reboot ? qemu::Reboot::restarts_guest : qemu::Reboot::ends_qemu;
            return qemu::start_command_line(command,
                                            qemu::qemu_arguments(sockets, reboot, display));
        },
        "command"_a, "monitor"_a, "qmp"_a, "shell"_a, "allow_reboot"_a = false);
    Class machine(module, "QemuMachine", py::dynamic_attr());
    bind_attributes(machine);
    bind_life(machine);
    bind_monitors(machine);
    bind_keys(machine);
    bind_network(machine);
    bind_console(machine);
}

} // namespace ntd::bindings
