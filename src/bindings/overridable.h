#pragma once

#include "casters.h"
#include "method.h"

#include <ntd/driver/config.h>
#include <ntd/machine/guest_ops.h>

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace ntd::bindings {

namespace py = pybind11;

inline machine::ExecResult engine_result(const py::object& result) {
    const auto [status, output] = result.cast<std::pair<int, std::string>>();
    return {status, output};
}

// A timeout as a Python object of the type that causes no warning when a script passes it on, as it
// is not the script's own.
inline py::object limit_for_script(machine::Timeout timeout) {
    if (!timeout)
        return py::none();
    return py::module_::import("test_driver.duration").attr("Seconds")(timeout->count());
}

// If there is no name, takes it from the start script.
inline machine::MachineOptions options_for(const std::string& start_command,
                                           const std::optional<std::string>& name,
                                           const std::filesystem::path& out_dir,
                                           const std::filesystem::path& tmp_dir,
                                           bool keep_machine_state) {
    return {name ? *name : driver::machine_name(start_command), start_command, out_dir, tmp_dir,
            keep_machine_state};
}

// Lets a Python subclass override the methods that other methods are built on; machine/machine.h
// lists them. The package tells which names a subclass overrides, so that the others cost nothing.
template <typename Kind>
class Overridable : public Kind {
public:
    using Kind::Kind;

    void start(bool allow_reboot) override {
        if (!call_override("start", allow_reboot))
            Kind::start(allow_reboot);
    }
    void connect() override {
        if (!call_override("connect"))
            Kind::connect();
    }
    machine::ExecResult execute(const std::string& command,
                                const machine::ExecuteOptions& options) override {
        std::optional<machine::ExecResult> result;
        with_override("execute", [&](const py::function& function) {
            result =
                engine_result(function(command, py::arg("check_return") = options.check_return,
                                       py::arg("check_output") = options.check_output,
                                       py::arg("timeout") = limit_for_script(options.timeout)));
        });
        return result ? *result : Kind::execute(command, options);
    }
    machine::ExecResult systemctl(const std::string& query, const machine::User& user) override {
        std::optional<machine::ExecResult> result;
        with_override("systemctl", [&](const py::function& function) {
            result = engine_result(function(query, user));
        });
        return result ? *result : Kind::systemctl(query, user);
    }
    std::string get_unit_property(const std::string& unit,
                                  const std::string& property,
                                  const machine::User& user) override {
        const auto result = call_override("get_unit_property", unit, property, user);
        return result ? *result : Kind::get_unit_property(unit, property, user);
    }
    std::string succeed(const std::vector<std::string>& commands,
                        machine::Timeout timeout) override {
        std::optional<std::string> result;
        with_override("succeed", [&](const py::function& function) {
            result = function(*py::tuple(py::cast(commands)),
                              py::arg("timeout") = limit_for_script(timeout))
                         .template cast<std::string>();
        });
        return result ? *result : Kind::succeed(commands, timeout);
    }

    std::set<std::string> overridden; // set once, before the machine is used

protected:
    template <typename Call>
    void with_override(const char* name, Call call) const {
        if (!overridden.contains(name))
            return;
        const py::gil_scoped_acquire gil;
        if (Method::is_called(py::cast(static_cast<const Kind*>(this)), name))
            return; // by an override, as super().execute(...)
        if (const py::function function = py::get_override(static_cast<const Kind*>(this), name))
            call(function);
    }

    // What the override returned: its text, "" for other types; nothing if there is no override.
    template <typename... Args>
    std::optional<std::string> call_override(const char* name, const Args&... args) const {
        std::optional<std::string> result;
        with_override(name, [&](const py::function& function) {
            const py::object value = function(args...);
            result = py::isinstance<py::str>(value) ? value.cast<std::string>() : "";
        });
        return result;
    }
};

} // namespace ntd::bindings
