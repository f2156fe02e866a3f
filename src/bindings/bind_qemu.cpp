#include "bindings.h"
#include "casters.h"
#include "overridable.h"
#include "process_handle.h"

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

using can_block = py::call_guard<py::gil_scoped_release>;

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

// Long because it is a table, a row for each name.
void bind_life(Class& machine) {
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
        .def_property_readonly("_vsock", &QemuMachine::vsock_sockets)
        .def("start", &QemuMachine::start, "allow_reboot"_a = false, can_block())
        .def("shutdown", &QemuMachine::shutdown, can_block())
        .def("crash", &QemuMachine::crash, can_block())
        .def("reboot", &QemuMachine::reboot, can_block())
        .def("wait_for_shutdown", &QemuMachine::wait_for_shutdown, can_block())
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
        .def("send_monitor_command",
             [](QemuMachine& self, const std::string& command) {
                 return text_from([&] { return self.send_monitor_command(command); });
             })
        .def("wait_for_monitor_prompt",
             [](QemuMachine& self) {
                 return text_from([&] { return self.wait_for_monitor_prompt(); });
             })
        .def("_qmp_send",
             [](QemuMachine& self, const std::string& command, const std::string& arguments) {
                 return text_from([&] { return self.send_qmp(command, arguments); });
             })
        .def("_qmp_next_event",
             [](QemuMachine& self, Timeout timeout) -> std::optional<py::str> {
                 const py::gil_scoped_release without_gil;
                 const auto event = self.next_qmp_event(timeout);
                 const py::gil_scoped_acquire gil;
                 return event ? std::optional(text_of(*event)) : std::nullopt;
             })
        .def("send_key",
             [](QemuMachine& self, const std::string& key, Timeout delay, bool log) {
                 const py::gil_scoped_release without_gil;
                 self.send_key(key, delay.value_or(Seconds(0)), log);
             })
        .def("send_chars",
             [](QemuMachine& self, const std::string& chars, Timeout delay) {
                 const py::gil_scoped_release without_gil;
                 self.send_chars(chars, delay.value_or(Seconds(0)));
             })
        .def("forward_port", &QemuMachine::forward_port, can_block())
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
        .def("block", &QemuMachine::block, can_block())
        .def("unblock", &QemuMachine::unblock, can_block());
}

void bind_console(Class& machine) {
    machine.def("send_console", &QemuMachine::send_console, can_block())
        .def("_tap_console", &QemuMachine::tap_console, can_block())
        .def("get_console_log",
             [](QemuMachine& self) { return text_from([&] { return self.get_console_log(); }); })
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
    bind_life(machine);
    bind_monitors(machine);
    bind_console(machine);
}

} // namespace ntd::bindings
