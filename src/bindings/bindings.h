#pragma once

#include <ntd/bindings/interpreter.h>
#include <ntd/driver/runtime.h>

#include <pybind11/pybind11.h>

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

// The module _ntd, which the package test_driver is built on. A binding is a table row: logic
// belongs into vm/ or into the package.
namespace ntd::bindings {

// Python makes the module, with no place for arguments: what run() was given waits here.
struct Session {
    const RunOptions& options;
    driver::Runtime& runtime;
    log::TerminalSink& terminal;
};
Session& session();

// Has Python tell us of signals. Again after others, such as asyncio, have had that for themselves.
void hear_signals();

// For Python to own. Making such an object, and destroying it, may take long: Python's lock is
// released meanwhile.
template <typename Kind, typename... Args>
std::shared_ptr<Kind> make_blocking(Args&&... args) {
    const pybind11::gil_scoped_release without_gil;
    return {new Kind(std::forward<Args>(args)...), [](Kind* object) {
                std::optional<pybind11::gil_scoped_release> released;
                if (PyGILState_Check() != 0) {
                    if constexpr (std::is_base_of_v<machine::Machine, Kind>)
                        object->before_command = nullptr; // it has objects of Python
                    released.emplace();
                }
                delete object;
            }};
}

void bind_errors(pybind11::module_& module);
void bind_log(pybind11::module_& module);
void bind_machine(pybind11::module_& module);
void bind_qemu_machine(pybind11::module_& module);
void bind_nspawn_machine(pybind11::module_& module);
void bind_program(pybind11::module_& module);
void bind_driver(pybind11::module_& module);

} // namespace ntd::bindings
