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
using can_block = py::call_guard<py::gil_scoped_release>;

// Long because it is a table, a row for each name.
void bind_nspawn_machine(py::module_& module) {
    py::class_<ContainerHost, std::shared_ptr<ContainerHost>>(module, "ContainerHost")
        .def(py::init([](const std::filesystem::path& keep) {
                 return make_blocking<ContainerHost>(session().runtime.host(), keep);
             }),
             "keep"_a)
        .def_property_readonly("namespaces", &ContainerHost::namespaces);
    py::class_<NspawnMachine, machine::Machine, OverridableNspawn, std::shared_ptr<NspawnMachine>>(
        module, "NspawnMachine", py::dynamic_attr())
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
        .def("start", &NspawnMachine::start, "allow_reboot"_a = false, can_block())
        .def("shutdown", &NspawnMachine::shutdown, can_block())
        .def("wait_for_shutdown", &NspawnMachine::wait_for_shutdown, can_block())
        .def(
            "_process",
            [](const NspawnMachine& self) {
                return ProcessHandle(self.run(), self.host().interrupt, {self.start_command()});
            },
            can_block());
}

} // namespace ntd::bindings
