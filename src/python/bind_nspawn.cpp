#include "bindings.h"
#include "casters.h"
#include "overridable.h"
#include "process_handle.h"

#include <ntd/vm/nspawn_machine.h>

#include <memory>
#include <string>
#include <vector>

namespace py = pybind11;

namespace ntd::python {

using namespace pybind11::literals;
using vm::ContainerHost;
using vm::NspawnMachine;
using OverridableNspawn = Overridable<NspawnMachine>;
using can_block = py::call_guard<py::gil_scoped_release>;

void bind_nspawn_machine(py::module_& module) {
    py::class_<ContainerHost, std::shared_ptr<ContainerHost>>(module, "ContainerHost")
        .def(py::init([](const std::filesystem::path& keep) {
                 const py::gil_scoped_release without_gil;
                 return std::make_shared<ContainerHost>(session().runtime.host(), keep);
             }),
             "keep"_a)
        .def_property_readonly("namespaces", &ContainerHost::namespaces);
    py::class_<NspawnMachine, vm::Machine, OverridableNspawn, std::shared_ptr<NspawnMachine>>(
        module, "NspawnMachine", py::dynamic_attr())
        .def(py::init([](const std::string& start_command, const std::string& name,
                         const std::filesystem::path& out_dir, const std::filesystem::path& tmp_dir,
                         bool keep_machine_state, std::shared_ptr<ContainerHost> containers) {
            return std::make_shared<OverridableNspawn>(
                session().runtime.host(),
                vm::MachineOptions{name, out_dir, tmp_dir, keep_machine_state}, start_command,
                std::move(containers));
        }))
        .def("_set_overridden",
             [](NspawnMachine& self, const std::vector<std::string>& names) {
                 if (auto* overridable = dynamic_cast<OverridableNspawn*>(&self))
                     overridable->overridden = {names.begin(), names.end()};
             })
        .def_property_readonly("pid", &pid_of<NspawnMachine>)
        .def_property_readonly("start_command", &NspawnMachine::start_command)
        .def("_init", &NspawnMachine::init, can_block())
        .def("start", &NspawnMachine::start, "allow_reboot"_a = false, can_block())
        .def("shutdown", &NspawnMachine::shutdown, can_block())
        .def("wait_for_shutdown", &NspawnMachine::wait_for_shutdown, can_block())
        .def("_process", [](const NspawnMachine& self) {
            return ProcessHandle(self.running(), self.host().interrupt, {self.start_command()});
        });
}

} // namespace ntd::python
