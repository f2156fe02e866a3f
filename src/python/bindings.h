#pragma once

#include <ntd/driver/runtime.h>
#include <ntd/python/interpreter.h>

#include <pybind11/pybind11.h>

// The module _ntd, which the package test_driver is built on. A binding is a table row: logic
// belongs into vm/ or into the package.
namespace ntd::python {

// Python makes the module, with no place for arguments: what run() was given waits here.
struct Session {
    const RunOptions& options;
    driver::Runtime& runtime;
    log::TerminalSink& terminal;
};
Session& session();

// Has Python tell us of signals. Again after others, such as asyncio, have had that for themselves.
void hear_signals();

void bind_errors(pybind11::module_& module);
void bind_log(pybind11::module_& module);
void bind_machine(pybind11::module_& module);
void bind_qemu_machine(pybind11::module_& module);
void bind_nspawn_machine(pybind11::module_& module);
void bind_driver(pybind11::module_& module);

} // namespace ntd::python
