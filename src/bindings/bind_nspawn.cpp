#include "bind_execute.h"
#include "bindings.h"
#include "casters.h"
#include "overridable.h"
#include "process_handle.h"

#include <ntd/nspawn/nspawn_machine.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace py = pybind11;

namespace ntd::bindings {

using namespace pybind11::literals;
using nspawn::ContainerHost;
using nspawn::NspawnMachine;
using OverridableNspawn = Overridable<NspawnMachine>;
using Class =
    py::class_<NspawnMachine, machine::Machine, OverridableNspawn, std::shared_ptr<NspawnMachine>>;

namespace {

void bind_life(Class& machine) {
    machine
        .def("start", &NspawnMachine::start, "allow_reboot"_a = false, can_block(),
             R"(Start the container; return when it runs, without waiting for it to boot.

             Does nothing if it runs. A container that reboots ends; with ``allow_reboot`` the next
             command starts it again. Raises MachineError at once if the start script fails.
             )")
        .def("connect", &NspawnMachine::connect, can_block(),
             R"(Wait until commands can run; starts the container if it is off.

             That is when its systemd has reached basic.target and, if systemd-nspawn tells
             NOTIFY_SOCKET of the container, has said READY=1 there: with ``--notify-ready=yes`` at
             the end of its boot. Raises MachineError at once if it ends or cannot get there, and
             after five minutes without any output.
             )")
        .def("is_up", &NspawnMachine::is_up, can_block(),
             R"(Whether the container runs and commands have been able to run in it.)");
    bind_execute(machine,
                 R"(Run a shell command as root; return its exit status and standard output.

        As in a virtual machine, but: standard input is empty, /etc/profile is read before each
        command, ``check_return`` and ``check_output`` change nothing (only that, without
        ``check_output``, the command may end the container), and a command that takes longer than
        ``timeout`` (seconds or timedelta, None for no limit) is ended and raises
        subprocess.TimeoutExpired.
        )");
}

} // namespace

// Long because it is a table, a row for each name.
void bind_nspawn_machine(py::module_& module) {
    py::class_<ContainerHost, std::shared_ptr<ContainerHost>>(module, "ContainerHost")
        .def(py::init([](const std::filesystem::path& keep) {
                 return make_blocking<ContainerHost>(session().runtime.host(), keep);
             }),
             "keep"_a)
        .def_property_readonly("namespaces", &ContainerHost::namespaces);
    Class machine(module, "NspawnMachine", py::dynamic_attr());
    machine
        .def(py::init([](const std::string& start_command, const std::optional<std::string>& name,
                         const std::filesystem::path& out_dir, const std::filesystem::path& tmp_dir,
                         bool keep_machine_state, std::shared_ptr<ContainerHost> containers) {
            return make_blocking<OverridableNspawn>(
                session().runtime.host(),
                options_for(start_command, name, out_dir, tmp_dir, keep_machine_state),
                std::move(containers));
        }))
        .def("_set_overridden",
             [](NspawnMachine& self, const std::vector<std::string>& names) {
                 if (auto* overridable = dynamic_cast<OverridableNspawn*>(&self))
                     overridable->overridden = {names.begin(), names.end()};
             })
        .def_property_readonly("pid", &pid_of)
        .def_property_readonly("start_command", &NspawnMachine::start_command)
        .def_property_readonly("machine_sock_path",
                               [](const NspawnMachine& self) {
                                   return std::filesystem::path(self.machine_sock_path());
                               })
        .def(
            "_notify_fd",
            [](const NspawnMachine& self) { return self.running()->notices.fd().get(); },
            can_block())
        .def("_init", &NspawnMachine::init, can_block())
        .def(
            "_process",
            [](const NspawnMachine& self) {
                return ProcessHandle(self.run(), self.host().interrupt, {self.start_command()});
            },
            can_block());
    bind_life(machine);
}

} // namespace ntd::bindings
