#include "bind_execute.h"
#include "bindings.h"
#include "casters.h"
#include "script_types.h"

#include <ntd/machine/guest_ops.h>
#include <ntd/machine/retry.h>

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace py = pybind11;

// Binds the methods in machine/guest_ops.h that run commands. Each row is the only description of
// its method: what scripts see (test_driver/_declared.py) is generated from it.
namespace ntd::bindings {

namespace {

using namespace pybind11::literals;
using machine::Machine;
using machine::Timeout;
using machine::User;

std::vector<std::string> commands_of(const py::args& args) {
    std::vector<std::string> commands;
    for (const py::handle argument : args) {
        py::detail::make_caster<Command> command;
        if (!command.load(argument, false))
            throw py::type_error(
                fmt::format("a command is a str, not {}", Py_TYPE(argument.ptr())->tp_name));
        commands.push_back(py::detail::cast_op<Command&>(command).bytes);
    }
    return commands;
}

// Calls a function without the GIL, after Python arguments were converted to strings.
template <typename Function>
auto blocking(Function function) {
    const py::gil_scoped_release without_gil;
    return function();
}

void bind_commands(MachineClass& machine) {
    bind_execute(machine,
                 R"(Run a shell command as root; return its exit status and standard output.

        The command runs in bash with ``set -euo pipefail``: the first part that fails ends it, a
        pipeline has the status of its last failing part, unset variables are errors. It is over
        when it has ended and nobody holds its standard output open any more. Standard error goes
        to the console.

        ``check_return=False`` gives the status -1, also if the machine ends or restarts under the
        command, with the output so far; ``check_output=False`` does not wait at all and gives
        ``(-2, "")``: both are for commands that end the machine. After ``timeout`` (seconds or
        timedelta, None for no limit) the command is ended and the status is 124. Undecodable bytes
        of the output are replaced. A command with more output than ``--max-output`` (2 GiB) is
        ended, and MachineError raised: what is big goes into a file, and ``copy_from_machine()``.
        )");
    machine
        .def(
            "succeed",
            [](Machine& self, const py::args& commands, const Limit& timeout) {
                const auto all = commands_of(commands);
                return Output{blocking([&] { return self.succeed(all, timeout.length); })};
            },
            "timeout"_a = py::none(),
            R"(Run commands one after the other; return their joined output.

            Raises RequestedAssertionFailed at the first one whose exit status is not zero, and logs
            its output. ``timeout`` (seconds or timedelta) limits each command.
            )")
        .def(
            "fail",
            [](Machine& self, const py::args& commands, const Limit& timeout) {
                const auto all = commands_of(commands);
                return Output{blocking([&] { return machine::fail(self, all, timeout.length); })};
            },
            "timeout"_a = py::none(),
            R"(Like succeed(), but each command has to end with an exit status other than zero.)");
}

void bind_repetitions(MachineClass& machine) {
    machine
        .def(
            "wait_until_succeeds",
            [](Machine& self, const Command& command, const WaitTime& timeout,
               const Limit& attempt) {
                return Output{machine::wait_until_succeeds(self, command.bytes, timeout.length,
                                                           attempt.length)};
            },
            "command"_a, timeout_by_default(), py::kw_only(), "attempt_timeout"_a = py::none(),
            can_block(), R"(Repeat a command until its exit status is zero; return the last output.

            A try that takes longer than ``attempt_timeout`` is ended, and the command tried again.
            Raises RequestedAssertionFailed ("action timed out") after ``timeout``.
            )")
        .def(
            "wait_until_fails",
            [](Machine& self, const Command& command, const WaitTime& timeout) {
                return Output{machine::wait_until_fails(self, command.bytes, timeout.length)};
            },
            "command"_a, timeout_by_default(), can_block(),
            R"(Repeat a command until its exit status is not zero; return the last output.

            Raises RequestedAssertionFailed ("action timed out") after ``timeout``.
            )")
        .def("_sleep", &machine::sleep, "secs"_a, can_block());
}

void bind_jobs(MachineClass& machine) {
    machine
        .def(
            "systemctl",
            [](Machine& self, const Command& query, const User& user) {
                return self.systemctl(query.bytes, user);
            },
            "q"_a, "user"_a = py::none(), can_block(),
            R"(Run ``systemctl q``; return its exit status and output.

            With ``user`` it is ``systemctl --user`` of that user, who has to be logged in or
            lingering.
            )")
        .def(
            "start_job",
            [](Machine& self, const Command& job, const User& user) {
                return machine::start_job(self, job.bytes, user);
            },
            "jobname"_a, "user"_a = py::none(), can_block(),
            R"(``systemctl start`` a unit; return exit status and output, unchecked.)")
        .def(
            "stop_job",
            [](Machine& self, const Command& job, const User& user) {
                return machine::stop_job(self, job.bytes, user);
            },
            "jobname"_a, "user"_a = py::none(), can_block(),
            R"(``systemctl stop`` a unit; return exit status and output, unchecked.)");
}

void bind_units(MachineClass& machine) {
    machine
        .def("get_unit_info", &machine::get_unit_info, "unit"_a, "user"_a = py::none(), can_block(),
             R"(All properties of a unit, as ``systemctl show`` has them.)")
        .def("get_unit_property", &Machine::get_unit_property, "unit"_a, "property"_a,
             "user"_a = py::none(), can_block(), R"(One property of a unit, e.g. ``ActiveState``.)")
        .def("require_unit_state", &machine::require_unit_state, "unit"_a,
             "require_state"_a = "active", can_block(),
             R"(Raise RequestedAssertionFailed unless the unit is in that state now.)")
        .def(
            "wait_for_unit",
            [](Machine& self, const std::string& unit, const User& user, const WaitTime& timeout) {
                machine::wait_for_unit(self, unit, user, timeout.length);
            },
            "unit"_a, "user"_a = py::none(), timeout_by_default(), can_block(),
            R"(Wait until a systemd unit is active.

            Raises RequestedAssertionFailed at once if the unit has failed, or is inactive with no
            job pending that could start it, and after ``timeout``. The message says why: there is
            no such unit (but one of a similar name), its condition was not met, how its process
            ended. With ``user`` it waits for the user's manager as well, which runs from the first
            login on.
            )")
        .def(
            "wait_for_unit_active_state",
            [](Machine& self, const std::string& unit, const std::string& state,
               const WaitTime& timeout, const User& user) {
                machine::wait_for_unit_active_state(self, unit, state, timeout.length, user);
            },
            "unit"_a, "state"_a, timeout_by_default(), py::kw_only(), "user"_a = py::none(),
            can_block(),
            R"(Wait until a systemd unit is in this state, such as ``inactive`` or ``reloading``.

            No state is an error on the way: wait_for_unit() ends at once for a unit that has
            failed. Raises RequestedAssertionFailed after ``timeout``, and ValueError for what is no
            state.
            )");
}

void bind_waits(MachineClass& machine) {
    machine
        .def(
            "wait_for_file",
            [](Machine& self, const PathText& filename, const WaitTime& timeout) {
                machine::wait_for_file(self, filename.text, timeout.length);
            },
            "filename"_a, timeout_by_default(), can_block(),
            R"(Wait until a file exists. The shell sees the name: ``~`` and patterns work.)")
        .def(
            "wait_for_open_port",
            [](Machine& self, const Port& port, const std::string& addr, const WaitTime& timeout) {
                machine::wait_for_open_port(self, port.text, addr, timeout.length);
            },
            "port"_a, "addr"_a = "localhost", timeout_by_default(), can_block(),
            R"(
            Wait until something listens on a TCP port, as seen from the machine (needs ``nc``).)")
        .def(
            "wait_for_closed_port",
            [](Machine& self, const Port& port, const std::string& addr, const WaitTime& timeout) {
                machine::wait_for_closed_port(self, port.text, addr, timeout.length);
            },
            "port"_a, "addr"_a = "localhost", timeout_by_default(), can_block(),
            R"(Wait until nothing listens on a TCP port any more (needs ``nc``).)")
        .def(
            "wait_for_open_unix_socket",
            [](Machine& self, const PathText& addr, bool is_datagram, const WaitTime& timeout) {
                const auto kind =
                    is_datagram ? machine::SocketKind::datagram : machine::SocketKind::stream;
                machine::wait_for_open_unix_socket(self, addr.text, kind, timeout.length);
            },
            "addr"_a, "is_datagram"_a = false, timeout_by_default(), can_block(),
            R"(Wait until something listens on a Unix socket (needs ``nc``).)");
}

void bind_transfers(MachineClass& machine) {
    machine
        .def(
            "_transfer",
            [](Machine& self, const Command& command, const std::optional<py::bytes>& input,
               int output) {
                std::optional<std::string_view> bytes;
                if (input)
                    bytes = std::string_view(*input);
                return blocking([&] { return self.transfer(command.bytes, bytes, output); });
            },
            "command"_a, "input"_a = py::none(), "output"_a = -1)
        .def(
            "_store",
            [](Machine& self, const Text& file, const py::bytes& data) {
                const std::string_view bytes(data);
                return blocking([&] { return self.store(file.bytes, bytes); });
            },
            "file"_a, "data"_a);
}

// `saw` returns what the last look has seen.
void retry_in_python(Machine& self,
                     const py::function& attempt,
                     Timeout timeout,
                     const py::function& saw) {
    auto& log = self.host().log;
    const auto look = [&](bool last) {
        const py::gil_scoped_acquire gil;
        try {
            if (py::bool_(attempt(last)).cast<bool>())
                return true;
            log.looked(bytes_of(saw(), Surrogates::show));
            return false;
        } catch (const py::error_already_set& error) {
            if (!machine::WaitLimit::current_has_cut() || !error.matches(PyExc_Exception))
                throw;
            return false;
        }
    };
    const py::gil_scoped_release without_gil;
    machine::retry(
        look, timeout, [&] { return self.exit_fd(); }, self.host().interrupt, std::nullopt,
        [&] { return machine::what_was_awaited(log); });
}

} // namespace

void bind_guest_ops(MachineClass& machine) {
    bind_commands(machine);
    bind_repetitions(machine);
    bind_jobs(machine);
    bind_units(machine);
    bind_waits(machine);
    bind_transfers(machine);
    machine.def("_retry", &retry_in_python);
}

} // namespace ntd::bindings
