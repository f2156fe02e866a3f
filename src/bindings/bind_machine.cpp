#include "bindings.h"
#include "casters.h"
#include "process_handle.h"

#include <ntd/base/error.h>
#include <ntd/machine/guest_ops.h>
#include <ntd/machine/retry.h>

#include <fmt/format.h>

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace py = pybind11;

namespace ntd::bindings {

namespace {

using namespace pybind11::literals;
using machine::Machine;
using machine::Timeout;
using machine::User;

using can_block = py::call_guard<py::gil_scoped_release>;

const Timeout no_limit = std::nullopt;
const Timeout default_limit = machine::Seconds(900);

bool is_ascii(std::string_view bytes) {
    const auto bits = std::accumulate(bytes.begin(), bytes.end(), 0U,
                                      [](unsigned all, char c) { return all | std::uint8_t(c); });
    return bits < 0x80;
}

// Returns the memory of data that was consumed to the system, in whole pages.
void release_pages(char* begin, std::size_t size) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const auto to_page = -reinterpret_cast<std::uintptr_t>(begin) % page;
    if (size > to_page)
        ::madvise(begin + to_page, (size - to_page) / page * page, MADV_DONTNEED);
}

// Converts much output to text. Releases the bytes during the copy, as both would take twice the
// memory.
py::str into_text(std::string bytes) {
    constexpr std::size_t piece = std::size_t{1} << 20;
    if (bytes.size() < piece || !is_ascii(bytes))
        return text_of(std::string_view(bytes));
    auto text =
        py::reinterpret_steal<py::str>(PyUnicode_New(static_cast<Py_ssize_t>(bytes.size()), 0x7F));
    if (!text)
        throw py::error_already_set();
    auto* to = static_cast<char*>(PyUnicode_DATA(text.ptr()));
    for (std::size_t done = 0; done < bytes.size(); done += piece) {
        const auto size = std::min(piece, bytes.size() - done);
        std::copy_n(bytes.data() + done, size, to + done);
        release_pages(bytes.data() + done, size);
    }
    return text;
}

py::tuple python_result(machine::ExecResult result) {
    return py::make_tuple(result.status, into_text(std::move(result.output)));
}

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

// Scripts pass loose types: a port may be a string, a path a pathlib.Path.
std::string string_of(const py::object& value) {
    return bytes_of(py::str(value));
}

std::string words_of(const py::object& value) {
    return bytes_of(py::str(value), Surrogates::show);
}

// Releases the GIL and runs `function`, for calls whose arguments are made from Python objects
// first.
template <typename Function>
auto blocking(Function function) {
    const py::gil_scoped_release without_gil;
    return function();
}

// Long because it is a table, a row for each name.
void bind_commands(py::class_<Machine, std::shared_ptr<Machine>>& machine) {
    machine
        .def(
            "execute",
            [](Machine& self, const Command& command, bool check_return, bool check_output,
               Timeout timeout) {
                return python_result(blocking([&] {
                    return self.execute(command.bytes, {check_return, check_output, timeout});
                }));
            },
            "command"_a, "check_return"_a = true, "check_output"_a = true,
            "timeout"_a = default_limit)
        .def(
            "succeed",
            [](Machine& self, const py::args& commands, Timeout timeout) {
                const auto all = commands_of(commands);
                return into_text(blocking([&] { return self.succeed(all, timeout); }));
            },
            "timeout"_a = no_limit)
        .def(
            "fail",
            [](Machine& self, const py::args& commands, Timeout timeout) {
                const auto all = commands_of(commands);
                return text_of(blocking([&] { return machine::fail(self, all, timeout); }));
            },
            "timeout"_a = no_limit)
        .def(
            "wait_until_succeeds",
            [](Machine& self, const Command& command, Timeout timeout, Timeout attempt) {
                return text_of(blocking([&] {
                    return machine::wait_until_succeeds(self, command.bytes, timeout, attempt);
                }));
            },
            "command"_a, "timeout"_a = default_limit, "attempt_timeout"_a = no_limit)
        .def(
            "wait_until_fails",
            [](Machine& self, const Command& command, Timeout timeout) {
                return text_of(blocking(
                    [&] { return machine::wait_until_fails(self, command.bytes, timeout); }));
            },
            "command"_a, "timeout"_a = default_limit)
        .def(
            "_transfer",
            [](Machine& self, const Command& command, const std::optional<py::bytes>& input,
               int output) {
                std::optional<std::string_view> bytes;
                if (input)
                    bytes = std::string_view(*input);
                return python_result(
                    blocking([&] { return self.transfer(command.bytes, bytes, output); }));
            },
            "command"_a, "input"_a = py::none(), "output"_a = -1)
        .def(
            "_store",
            [](Machine& self, const Text& file, const py::bytes& data) {
                const std::string_view bytes(data);
                return python_result(blocking([&] { return self.store(file.bytes, bytes); }));
            },
            "file"_a, "data"_a)
        .def("sleep", &machine::sleep, "secs"_a, can_block());
}

void bind_units(py::class_<Machine, std::shared_ptr<Machine>>& machine) {
    const auto returning_result = [](auto function) {
        return [function](Machine& self, const Command& text, const User& user) {
            return python_result(blocking([&] { return function(self, text.bytes, user); }));
        };
    };
    machine
        .def("systemctl",
             returning_result([](Machine& self, const std::string& query, const User& user) {
                 return self.systemctl(query, user);
             }),
             "q"_a, "user"_a = py::none())
        .def("start_job", returning_result(&machine::start_job), "jobname"_a, "user"_a = py::none())
        .def("stop_job", returning_result(&machine::stop_job), "jobname"_a, "user"_a = py::none())
        .def("get_unit_property", &Machine::get_unit_property, "unit"_a, "property"_a,
             "user"_a = py::none(), can_block())
        .def("get_unit_info", &machine::get_unit_info, "unit"_a, "user"_a = py::none(), can_block())
        .def("require_unit_state", &machine::require_unit_state, "unit"_a,
             "require_state"_a = "active", can_block())
        .def("wait_for_unit", &machine::wait_for_unit, "unit"_a, "user"_a = py::none(),
             "timeout"_a = default_limit, can_block())
        .def("wait_for_unit_active_state", &machine::wait_for_unit_active_state, "unit"_a,
             "state"_a, "timeout"_a = default_limit, "user"_a = py::none(), can_block());
}

void retry_in_python(Machine& self, const py::function& attempt, Timeout timeout) {
    const auto look = [&](bool last) {
        const py::gil_scoped_acquire gil;
        try {
            return py::bool_(attempt(last)).cast<bool>();
        } catch (const py::error_already_set& error) {
            if (!machine::WaitLimit::current_has_cut() || !error.matches(PyExc_Exception))
                throw;
            return false;
        }
    };
    const py::gil_scoped_release without_gil;
    machine::retry(
        look, timeout, [&] { return self.exit_fd(); }, self.host().interrupt);
}

void bind_waits(py::class_<Machine, std::shared_ptr<Machine>>& machine) {
    const auto on_port = [](auto function) {
        return [function](Machine& self, const py::object& port, const std::string& addr,
                          Timeout timeout) {
            const auto number = string_of(port);
            blocking([&] { function(self, number, addr, timeout); });
        };
    };
    machine.def("_retry", &retry_in_python)
        .def(
            "wait_for_file",
            [](Machine& self, const py::object& filename, Timeout timeout) {
                const auto path = string_of(filename);
                blocking([&] { machine::wait_for_file(self, path, timeout); });
            },
            "filename"_a, "timeout"_a = default_limit)
        .def("wait_for_open_port", on_port(&machine::wait_for_open_port), "port"_a,
             "addr"_a = "localhost", "timeout"_a = default_limit)
        .def("wait_for_closed_port", on_port(&machine::wait_for_closed_port), "port"_a,
             "addr"_a = "localhost", "timeout"_a = default_limit)
        .def(
            "wait_for_open_unix_socket",
            [](Machine& self, const py::object& addr, bool is_datagram, Timeout timeout) {
                const auto path = string_of(addr);
                const auto kind =
                    is_datagram ? machine::SocketKind::datagram : machine::SocketKind::stream;
                blocking([&] { machine::wait_for_open_unix_socket(self, path, kind, timeout); });
            },
            "addr"_a, "is_datagram"_a = false, "timeout"_a = default_limit);
}

void bind_base_machine(py::module_& module) {
    py::class_<Machine, std::shared_ptr<Machine>> machine(module, "BaseMachine",
                                                          py::dynamic_attr());
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
        .def("log",
             [](const Machine& self, const py::object& text) {
                 const auto words = words_of(text);
                 blocking([&] { self.log(words); });
             })
        .def("connect", &Machine::connect, can_block())
        .def("is_up", &Machine::is_up, can_block())
        .def("_close", &Machine::close, can_block())
        .def("release", &Machine::release, can_block())
        .def("cleanup_statedir", &Machine::cleanup_statedir, can_block());
    bind_commands(machine);
    bind_units(machine);
    bind_waits(machine);
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
    bind_wait_limit(module);
    bind_process(module);
    bind_base_machine(module);
    bind_qemu_machine(module);
    bind_nspawn_machine(module);
}

} // namespace ntd::bindings
