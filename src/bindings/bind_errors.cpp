#include "bindings.h"
#include "casters.h"

#include <ntd/base/error.h>
#include <ntd/nspawn/nspawn_machine.h>
#include <ntd/qemu/qmp_client.h>

namespace py = pybind11;

namespace ntd::bindings {

namespace {

void set_error(const char* module, const char* name, const std::string& text) {
    const py::object type = py::module_::import(module).attr(name);
    // The text may contain a command with any bytes, or one cut within a character.
    PyErr_SetObject(type.ptr(), text_of(text).ptr());
}

void set_os_error(const SystemError& error) {
    const py::tuple arguments = py::make_tuple(error.code(), error.what());
    PyErr_SetObject(PyExc_OSError, arguments.ptr());
}

void set_qmp_error(const qemu::QmpError& error) {
    const py::object type = py::module_::import("test_driver.machine.qmp").attr("QMPAPIError");
    const py::object value = type(error.class_name, error.description, py::none());
    PyErr_SetObject(type.ptr(), value.ptr());
}

void set_timed_out(const nspawn::CommandTimedOut& error) {
    const py::object type = py::module_::import("subprocess").attr("TimeoutExpired");
    const py::object value =
        type(text_of(error.command), error.limit, py::arg("output") = text_of(error.output));
    PyErr_SetObject(type.ptr(), value.ptr());
}

// Each C++ error has one Python twin. The most derived types come first.
void translate(std::exception_ptr pointer) {
    try {
        std::rethrow_exception(std::move(pointer));
    } catch (const RequestedAssertionFailed& error) {
        set_error("test_driver.errors", "RequestedAssertionFailed", error.what());
    } catch (const MachineDied& error) {
        set_error("test_driver.errors", "MachineDied", error.what());
    } catch (const MachineError& error) {
        set_error("test_driver.errors", "MachineError", error.what());
    } catch (const ProtocolError& error) {
        set_error("test_driver.errors", "MachineError", error.what());
    } catch (const qemu::QmpError& error) {
        set_qmp_error(error);
    } catch (const nspawn::CommandTimedOut& error) {
        set_timed_out(error);
    } catch (const TimeoutError& error) {
        set_error("builtins", "TimeoutError", error.what());
    } catch (const UsageError& error) {
        set_error("builtins", "ValueError", error.what());
    } catch (const SystemError& error) {
        set_os_error(error);
    } catch (const Error& error) {
        set_error("test_driver.errors", "MachineError", error.what());
    }
}

} // namespace

void bind_errors(py::module_&) {
    py::register_exception_translator(translate);
}

} // namespace ntd::bindings
