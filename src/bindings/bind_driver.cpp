#include "bindings.h"
#include "casters.h"

#include <ntd/base/forks.h>
#include <ntd/network/capture.h>
#include <ntd/network/vlan.h>
#include <ntd/os/private_directory.h>
#include <ntd/vsock/vhost_vsock.h>

#include <memory>
#include <string>
#include <vector>

namespace py = pybind11;

namespace ntd::bindings {

namespace {

using namespace pybind11::literals;

// Long because it is a table, a row for each name.
void bind_options(py::module_& module) {
    py::class_<driver::DisplayTarget>(module, "DisplayTarget")
        .def_readonly("backend", &driver::DisplayTarget::backend)
        .def_readonly("display", &driver::DisplayTarget::display)
        .def_readonly("xauthority", &driver::DisplayTarget::xauthority);
    py::class_<driver::MachineConfig>(module, "MachineConfig")
        .def_readonly("display_targets", &driver::MachineConfig::display_targets)
        .def_readonly("display_servers", &driver::MachineConfig::display_servers)
        .def_readonly("display_viewers", &driver::MachineConfig::display_viewers)
        .def_readonly("name", &driver::MachineConfig::name)
        .def_readonly("host_name", &driver::MachineConfig::host_name)
        .def_readonly("start_script", &driver::MachineConfig::start_script);
    py::class_<driver::Config>(module, "Config")
        .def_readonly("vms", &driver::Config::vms)
        .def_readonly("containers", &driver::Config::containers)
        .def_readonly("vlans", &driver::Config::vlans)
        .def_readonly("global_timeout", &driver::Config::global_timeout)
        .def_readonly("enable_ssh_backdoor", &driver::Config::enable_ssh_backdoor)
        .def_readonly("vsock_offset", &driver::Config::vsock_offset)
        .def_readonly("vsock_siblings", &driver::Config::vsock_siblings)
        .def_property_readonly(
            "test_script",
            [](const driver::Config& config) { return text_of_path(config.test_script); })
        .def_readonly("display_viewers", &driver::Config::display_viewers);
    py::class_<RunOptions>(module, "RunOptions")
        .def_readonly("config", &RunOptions::config)
        .def_property_readonly("command_line",
                               [](const RunOptions& options) {
                                   py::list words;
                                   for (const auto& word : options.command_line)
                                       words.append(text_of_path(word));
                                   return words;
                               })
        .def_property_readonly(
            "out_dir", [](const RunOptions& options) { return text_of_path(options.out_dir); })
        .def_property_readonly(
            "tmp_dir", [](const RunOptions& options) { return text_of_path(options.tmp_dir); })
        .def_readonly("interactive", &RunOptions::interactive)
        .def_readonly("watch", &RunOptions::watch)
        .def_readonly("keep_going", &RunOptions::keep_going)
        .def_property_readonly("subtests",
                               [](const RunOptions& options) {
                                   py::list texts;
                                   for (const std::string& each : options.subtests)
                                       texts.append(text_of_path(each));
                                   return texts;
                               })
        .def_readonly("vnc", &RunOptions::vnc)
        .def_property_readonly("vsock_backdoor",
                               [](const RunOptions&) {
                                   return session().runtime.host().backdoor ==
                                          machine::Backdoor::vsock;
                               })
        .def_readonly("keep_machine_state", &RunOptions::keep_machine_state)
        .def_readonly("pcap", &RunOptions::pcap)
        .def_readonly("keep_pcap", &RunOptions::keep_pcap)
        .def_readonly("junit_xml", &RunOptions::junit_xml)
        .def_readonly("debug_hook_attach", &RunOptions::debug_hook_attach);
}

void bind_evidence(py::module_& module) {
    module.def(
        "keeps_evidence", [](bool passed) { return session().evidence.keeps(passed); }, "passed"_a);
    module.def("report_path", [] { return text_of_path(session().evidence.report()); });
    module.def(
        "collect_evidence",
        [](const std::vector<std::shared_ptr<machine::Machine>>& machines, machine::Seconds limit) {
            session().evidence.collect(machines, Deadline::after(limit));
        },
        "machines"_a, "limit"_a, can_block());
    module.def(
        "finish_evidence",
        [](bool passed, Words reason, Words failure, int line, Words command) {
            session().evidence.finish({.passed = passed,
                                       .reason = std::move(reason.bytes),
                                       .failure = std::move(failure.bytes),
                                       .line = line,
                                       .command = std::move(command.bytes),
                                       .evidence = {}});
        },
        "passed"_a, "reason"_a, "failure"_a, "line"_a, "command"_a, can_block());
}

void bind_vlan(py::module_& module) {
    py::class_<network::Capture, std::shared_ptr<network::Capture>>(module, "Capture")
        .def("stop", &network::Capture::stop, can_block())
        .def("check", &network::Capture::check, can_block());
    py::class_<network::VLan, std::shared_ptr<network::VLan>>(module, "VLan", py::dynamic_attr())
        .def(py::init([](int number, const std::filesystem::path& tmp_dir,
                         const std::shared_ptr<nspawn::ContainerHost>& containers) {
                 return make_blocking<network::VLan>(number, tmp_dir, session().runtime.host(),
                                                     containers.get());
             }),
             "nr"_a, "tmp_dir"_a, "containers"_a = nullptr)
        .def_property_readonly("nr", &network::VLan::number)
        .def_property_readonly("socket_dir", &network::VLan::socket_dir)
        .def_property_readonly(
            "_socket_dir",
            [](const network::VLan& vlan) { return text_of_path(vlan.socket_dir()); })
        .def_property_readonly("pid", &network::VLan::pid)
        .def("_impair", &network::VLan::impair, "loss"_a, "delay"_a, can_block())
        .def("_record", &network::VLan::capture, "file"_a, can_block())
        .def("stop", &network::VLan::stop, can_block());
}

void bind_vsock(py::module_& module) {
    py::class_<vsock::VsockSockets>(module, "VsockSockets")
        .def_readonly("host", &vsock::VsockSockets::host)
        .def_readonly("guest", &vsock::VsockSockets::guest)
        .def_readonly("cid", &vsock::VsockSockets::cid);
    py::class_<vsock::VhostVsock, std::shared_ptr<vsock::VhostVsock>>(module, "VhostVsock")
        .def(py::init([](std::vector<std::string> machines, const std::filesystem::path& tmp_dir,
                         bool siblings) {
                 return make_blocking<vsock::VhostVsock>(
                     std::move(machines), tmp_dir, session().runtime.host(),
                     siblings ? vsock::VhostVsock::Reach::siblings
                              : vsock::VhostVsock::Reach::host);
             }),
             "machines"_a, "tmp_dir"_a, "siblings"_a = false)
        .def_property_readonly("sockets", &vsock::VhostVsock::sockets)
        .def_property_readonly("pid", &vsock::VhostVsock::pid)
        .def("stop", &vsock::VhostVsock::stop, can_block());
}

driver::Config read_checked_config(const std::filesystem::path& file) {
    std::vector<std::string> unknown_keys; // not reported to scripts
    driver::Config config = driver::read_config(file, unknown_keys);
    driver::normalise_config(config);
    driver::check_config(config);
    return config;
}

// For a fork: objects that Python releases there must not be destroyed, as the driver still uses
// them.
void keep_all_objects(const py::module_& module) {
    auto* const base = reinterpret_cast<PyTypeObject*>(py::detail::get_internals().instance_base);
    for (const auto& [name, value] : module.attr("__dict__").cast<py::dict>()) {
        auto* const type = reinterpret_cast<PyTypeObject*>(value.ptr());
        if (PyType_Check(value.ptr()) != 0 && PyType_IsSubtype(type, base) != 0)
            type->tp_dealloc = [](PyObject*) {};
    }
}

// Like compile(), but does not create Python's some two hundred AST classes, which takes time.
py::object compile_script(const std::string& source, const std::string& file) {
    PyCompilerFlags flags{};
    flags.cf_flags = PyCF_SOURCE_IS_UTF8 | PyCF_IGNORE_COOKIE;
    flags.cf_feature_version = PY_MINOR_VERSION;
    auto* const code =
        Py_CompileStringExFlags(source.c_str(), file.c_str(), Py_file_input, &flags, -1);
    if (code == nullptr)
        throw py::error_already_set();
    return py::reinterpret_steal<py::object>(code);
}

} // namespace

// Long because it is a table, a row for each name.
void bind_driver(py::module_& module) {
    bind_options(module);
    bind_evidence(module);
    bind_vlan(module);
    bind_vsock(module);
    module.def("machine_name", &driver::machine_name, "start_script"_a);
    module.def("python_name", &driver::python_name, "name"_a);
    module.def(
        "options", []() -> const RunOptions& { return session().options; },
        py::return_value_policy::reference);
    module.def("warns_of_old_forms", [] { return session().runtime.host().habits.warns; });
    module.def("read_config", &read_checked_config, "file"_a);
    module.def(
        "start_all",
        [](const std::vector<std::shared_ptr<machine::Machine>>& machines) {
            driver::start_all(machines, session().runtime.host());
        },
        "machines"_a, can_block());
    module.def(
        "set_global_timeout",
        [](machine::Seconds timeout) {
            session().runtime.termination().set_global_timeout(timeout);
        },
        "timeout"_a, can_block());
    module.def("hear_signals", &hear_signals);
    module.def("compile_script", &compile_script, "source"_a, "file"_a);
    // Makes a directory that other users cannot write to, or checks an existing one.
    module.def(
        "private_directory",
        [](const std::filesystem::path& path) { os::open_private_directory(path); }, "path"_a,
        can_block());
    // Registers an incomplete file with the guard. `parent` is an open directory.
    module.def(
        "guard_unfinished",
        [](int parent, const Text& name) {
            return session().runtime.host().guard.add_unfinished(parent, name.bytes);
        },
        "parent"_a, "name"_a, can_block());
    module.def(
        "forget_unfinished",
        [](int number) { session().runtime.host().guard.forget_unfinished(number); }, "number"_a,
        can_block());
    module.def("is_fork", &is_fork);
    module.def("keep_all_objects", [module] { keep_all_objects(module); });
    module.def(
        "clear_global_timeout", [] { session().runtime.termination().clear_global_timeout(); },
        can_block());
}

} // namespace ntd::bindings
