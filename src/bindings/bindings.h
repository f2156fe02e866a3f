#pragma once

#include <ntd/bindings/interpreter.h>
#include <ntd/driver/runtime.h>
#include <ntd/evidence/keeper.h>

#include <pybind11/pybind11.h>

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

// The module _ntd, on which the package test_driver is built. A binding is a table row: logic
// belongs into the modules of the engine or into the package.
namespace ntd::bindings {

// The arguments of run(), for the module's initialisation: Python calls that without arguments.
struct Session {
    const RunOptions& options;
    driver::Runtime& runtime;
    log::TerminalSink& terminal;
    evidence::Keeper& evidence;
};
Session& session();

// Makes Python notify us of signals. Call it again after other code, such as asyncio, has used its
// wake-up descriptor.
void hear_signals();

// Tells the log which line of the script this thread is at. Call it with the GIL.
void note_script_line();

// Releases the GIL during a call, for functions that may block.
using can_block = pybind11::call_guard<pybind11::gil_scoped_release>;

// Makes an object that Python owns. Its constructor and destructor may block, so they run without
// the GIL.
template <typename Kind, typename... Args>
std::shared_ptr<Kind> make_blocking(Args&&... args) {
    const pybind11::gil_scoped_release without_gil;
    auto* const made = new Kind(std::forward<Args>(args)...);
    if constexpr (std::is_base_of_v<machine::Machine, Kind>)
        session().runtime.status().add(*made);
    return {made, [](Kind* object) {
                std::optional<pybind11::gil_scoped_release> released;
                if constexpr (std::is_base_of_v<machine::Machine, Kind>)
                    session().runtime.status().remove(*object);
                if (PyGILState_Check() != 0) {
                    if constexpr (std::is_base_of_v<machine::Machine, Kind>)
                        object->before_command = nullptr; // destroyed with the GIL held
                    released.emplace();
                }
                delete object;
            }};
}

void bind_errors(pybind11::module_& module);
void bind_log(pybind11::module_& module);
using MachineClass = pybind11::class_<machine::Machine, std::shared_ptr<machine::Machine>>;

void bind_methods(pybind11::module_& module);
void bind_guest_ops(MachineClass& machine);
void bind_machine(pybind11::module_& module);
void bind_qemu_machine(pybind11::module_& module);
void bind_nspawn_machine(pybind11::module_& module);
void bind_program(pybind11::module_& module);
void bind_driver(pybind11::module_& module);

} // namespace ntd::bindings
