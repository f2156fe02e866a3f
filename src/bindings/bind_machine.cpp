#include "bindings.h"
#include "casters.h"
#include "process_handle.h"
#include "script_types.h"

#include <ntd/base/error.h>
#include <ntd/machine/retry.h>

#include <limits>
#include <optional>

namespace py = pybind11;

namespace ntd::bindings {

namespace {

using namespace pybind11::literals;
using machine::Machine;
using machine::Timeout;

// The output of the last command, if that has failed, and the end of the console.
std::pair<Output, Output> last_words(Machine& machine) {
    const auto last = machine.commands().last();
    const auto end = last ? last->end : std::nullopt;
    const bool failed = end && (end->status != 0 || end->timed_out);
    return {Output{failed ? end->output : ""},
            Output{machine.console().tail(session().options.console_lines)}};
}

void bind_life(MachineClass& machine) {
    machine
        .def("start", &Machine::start, "allow_reboot"_a = false, can_block(),
             R"(Start the machine; return when it runs, without waiting for it to boot.

             Does nothing if it runs. With ``allow_reboot`` it may restart itself.
             )")
        .def("shutdown", &Machine::shutdown, can_block(),
             R"(Power the machine off and wait for its end. Nothing if it is off.)")
        .def("wait_for_shutdown", &Machine::wait_for_shutdown, can_block(),
             R"(Wait until the machine has powered off.)")
        .def("connect", &Machine::connect, can_block(),
             R"(
            Wait for the root shell; starts the machine if it is off. Done already, it does nothing.

             Raises MachineError at once if the machine ends or its boot comes to a dead end (kernel
             panic, emergency mode), and after five minutes without any output on the console; with
             --config it has no more than these five minutes anyway.
             )")
        .def(
            "_situation", [](Machine& self) { return Output{self.situation()}; }, can_block())
        .def("_last_words", &last_words, can_block())
        .def(
            "_last_output",
            [](const Machine& self) { return Output{self.console().last_output(5)}; }, can_block())
        .def("is_up", &Machine::is_up, can_block(),
             R"(Whether the machine runs and its root shell is connected.)")
        .def("release", &Machine::release, can_block(),
             R"(Kill what still runs of the machine. The driver calls it at the end.)")
        .def("cleanup_statedir", &Machine::cleanup_statedir, can_block(),
             R"(Remove the state directory with all that is in it.)");
}

void bind_base_machine(py::module_& module) {
    MachineClass machine(module, "BaseMachine", py::dynamic_attr());
    machine.def_property_readonly("name", &Machine::name)
        .def_property_readonly("out_dir", &Machine::out_dir)
        .def_property_readonly("tmp_dir", &Machine::tmp_dir)
        .def_property_readonly("keep_machine_state", &Machine::keep_machine_state)
        .def_readwrite("state_dir", &Machine::state_dir)
        .def_readwrite("shared_dir", &Machine::shared_dir)
        .def("_set_before_command",
             [](Machine& self, const py::function& function) {
                 // Through a weak reference: a bound method would keep the machine alive forever.
                 self.before_command = [weak = py::weakref(py::cast(&self)),
                                        method = py::object(function.attr("__func__"))] {
                     const py::gil_scoped_acquire gil;
                     method(weak());
                 };
             })
        .def("_close", &Machine::close, can_block());
    bind_life(machine);
    bind_guest_ops(machine);
    machine.def(
        "log", [](const Machine& self, const Remark& msg) { self.log(msg.text); }, "msg"_a,
        can_block(), R"(Write a remark about this machine into the log.)");
}

// A WaitLimit as a Python context manager.
class ContextLimit {
public:
    explicit ContextLimit(Timeout timeout) : timeout_(timeout) {}

    ContextLimit& enter() {
        limit_.emplace(machine::deadline_of(timeout_), machine::WaitLimit::overtime_of_a_look);
        return *this;
    }
    void exit() { limit_.reset(); }
    void begin_last() { limit().set_overtime(machine::WaitLimit::overtime_of_the_last); }
    double left() { return seconds_until(limit().deadline()); }
    bool has_cut() { return limit().has_cut(); }

    static double seconds_until(Deadline deadline) {
        return deadline.is_never() ? std::numeric_limits<double>::infinity()
                                   : machine::Seconds(deadline.left()).count();
    }

private:
    machine::WaitLimit& limit() {
        if (!limit_)
            throw UsageError("a wait limit was used outside of its `with` block");
        return *limit_;
    }

    Timeout timeout_;
    std::optional<machine::WaitLimit> limit_;
};

void bind_wait_limit(py::module_& module) {
    py::class_<ContextLimit>(module, "WaitLimit")
        .def(py::init<Timeout>())
        .def("__enter__", &ContextLimit::enter, py::return_value_policy::reference)
        .def("__exit__", [](ContextLimit& self, const py::args&) { self.exit(); })
        .def("begin_last", &ContextLimit::begin_last)
        .def("left", &ContextLimit::left)
        .def("has_cut", &ContextLimit::has_cut)
        .def_static("left_now",
                    [] { return ContextLimit::seconds_until(machine::WaitLimit::current()); });
}

void bind_process(py::module_& module) {
    py::class_<ProcessHandle>(module, "ProcessHandle")
        .def_property_readonly("pid", &ProcessHandle::pid)
        .def_property_readonly("args", &ProcessHandle::args)
        .def_property_readonly("stdin_fd", &ProcessHandle::stdin_fd)
        .def_property_readonly("stdout_fd", &ProcessHandle::stdout_fd)
        .def("poll", &ProcessHandle::poll, can_block())
        .def("wait", &ProcessHandle::wait, can_block())
        .def("signal", &ProcessHandle::signal, can_block());
}

} // namespace

void bind_machine(py::module_& module) {
    bind_methods(module);
    bind_wait_limit(module);
    bind_process(module);
    bind_base_machine(module);
    bind_qemu_machine(module);
    bind_nspawn_machine(module);
}

} // namespace ntd::bindings
