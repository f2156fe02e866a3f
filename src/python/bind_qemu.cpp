#include "bindings.h"
#include "casters.h"

#include <ntd/vm/guest_ops.h>
#include <ntd/vm/qemu_machine.h>
#include <ntd/vm/retry.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace py = pybind11;

namespace ntd::python {

namespace {

using namespace pybind11::literals;
using vm::QemuMachine;
using vm::Seconds;
using vm::Timeout;
using vm::User;

using can_block = py::call_guard<py::gil_scoped_release>;

vm::ExecResult engine_result(const py::object& result) {
    const auto [status, output] = result.cast<std::pair<int, std::string>>();
    return {status, output};
}

// Lets a Python subclass override what other methods are built on; vm/machine.h says which those
// are. The package tells which names a subclass has made its own, so that all others cost nothing.
class Overridable : public QemuMachine {
public:
    using QemuMachine::QemuMachine;

    void start(bool allow_reboot) override {
        if (!call_override("start", allow_reboot))
            QemuMachine::start(allow_reboot);
    }
    void connect() override {
        if (!call_override("connect"))
            QemuMachine::connect();
    }
    vm::ExecResult execute(const std::string& command, const vm::ExecuteOptions& options) override {
        std::optional<vm::ExecResult> result;
        with_override("execute", [&](const py::function& function) {
            result = engine_result(function(command, "check_return"_a = options.check_return,
                                            "check_output"_a = options.check_output,
                                            "timeout"_a = options.timeout));
        });
        return result ? *result : QemuMachine::execute(command, options);
    }
    vm::ExecResult systemctl(const std::string& query, const User& user) override {
        std::optional<vm::ExecResult> result;
        with_override("systemctl", [&](const py::function& function) {
            result = engine_result(function(query, user));
        });
        return result ? *result : QemuMachine::systemctl(query, user);
    }
    std::string get_unit_property(const std::string& unit,
                                  const std::string& property,
                                  const User& user) override {
        const auto result = call_override("get_unit_property", unit, property, user);
        return result ? *result : QemuMachine::get_unit_property(unit, property, user);
    }
    std::string succeed(const std::vector<std::string>& commands, Timeout timeout) override {
        std::optional<std::string> result;
        with_override("succeed", [&](const py::function& function) {
            result =
                function(*py::tuple(py::cast(commands)), "timeout"_a = timeout).cast<std::string>();
        });
        return result ? *result : QemuMachine::succeed(commands, timeout);
    }
    std::string send_monitor_command(const std::string& command) override {
        const auto result = call_override("send_monitor_command", command);
        return result ? *result : QemuMachine::send_monitor_command(command);
    }

    std::set<std::string> overridden; // set once, before the machine is used

private:
    template <typename Call>
    void with_override(const char* name, Call call) const {
        if (!overridden.contains(name))
            return;
        const py::gil_scoped_acquire gil;
        // Empty also if the Python function is what calls us: super().execute(...).
        if (const py::function function =
                py::get_override(static_cast<const QemuMachine*>(this), name))
            call(function);
    }

    // The text that the override returned, "" for anything else; nothing if there is none.
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

// What machine.process is made of. Keeps the process's status after the machine has let go of it.
class ProcessHandle {
public:
    explicit ProcessHandle(const QemuMachine& machine)
        : running_(machine.running()),
          interrupt_(machine.host().interrupt), args_{"/bin/sh", "-c", machine.start_command()} {}

    pid_t pid() const { return child().pid(); }
    const std::vector<std::string>& args() const { return args_; }
    std::optional<int> poll() const { return returncode(child().poll()); }
    std::optional<int> wait(Timeout timeout) const {
        return returncode(child().wait(vm::deadline_of(timeout), interrupt_));
    }
    void signal(int number) const { child().signal(number); }
    int stdin_fd() const { return running_->process.stdin_fd(); }
    int stdout_fd() const { return running_->process.stdout_fd(); }

private:
    static std::optional<int> returncode(const std::optional<os::ExitStatus>& status) {
        return status ? std::optional(status->returncode()) : std::nullopt;
    }
    os::ChildProcess& child() const { return running_->process.child(); }

    std::shared_ptr<QemuMachine::Running> running_; // shared with the machine
    os::Interrupt& interrupt_;
    std::vector<std::string> args_;
};

std::optional<pid_t> pid_of(const QemuMachine& self) {
    const auto running = self.running_or_null();
    return running ? std::optional(running->process.child().pid()) : std::nullopt;
}

// Runs a call of the engine that may block, and makes text of the bytes that it returns.
template <typename Function>
py::str text_from(Function function) {
    std::string bytes;
    {
        const py::gil_scoped_release without_gil;
        bytes = function();
    }
    return text_of(bytes);
}

std::size_t size_in_bytes(const py::str& text) {
    return text.cast<std::string>().size();
}

// Python's patterns are Python's to match: `look` gets the text and returns the end of its match,
// in characters.
bool wait_for_console(QemuMachine& self,
                      const py::function& look,
                      bool within_lines,
                      Timeout timeout) {
    const auto in_python = [&look](const std::string& bytes) -> std::optional<std::size_t> {
        const py::gil_scoped_acquire gil;
        const auto text = text_of(bytes);
        const py::object end = look(text);
        if (end.is_none())
            return std::nullopt;
        return size_in_bytes(text[py::slice(py::int_(0), end, py::none())]);
    };
    const auto match =
        within_lines ? QemuMachine::Match::within_lines : QemuMachine::Match::across_lines;
    const py::gil_scoped_release without_gil;
    return self.wait_for_console(in_python, match, timeout);
}

// The next line that no wait has consumed, without its newline.
std::optional<std::string> next_line(QemuMachine& self, Timeout timeout) {
    std::string line;
    const auto find_line = [&](const std::string& text) -> std::optional<std::size_t> {
        const auto newline = text.find('\n');
        if (newline == text.npos)
            return std::nullopt;
        line = text.substr(0, newline);
        return newline + 1;
    };
    const auto match = QemuMachine::Match::within_lines;
    return self.wait_for_console(find_line, match, timeout) ? std::optional(line) : std::nullopt;
}

std::size_t pending_lines(QemuMachine& self) {
    const auto text = self.console().text(self.console().consumed());
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

void retry_in_python(QemuMachine& self, const py::function& attempt, Timeout timeout) {
    const py::gil_scoped_release without_gil;
    vm::retry(
        [&](bool last) {
            const py::gil_scoped_acquire gil;
            return py::bool_(attempt(last)).cast<bool>();
        },
        timeout, [&] { return self.exit_fd(); }, self.host().interrupt);
}

using Class = py::class_<QemuMachine, vm::Machine, Overridable, std::shared_ptr<QemuMachine>>;

void bind_life(Class& machine) {
    machine
        .def(py::init([](const std::string& start_command, const std::string& name,
                         const std::filesystem::path& out_dir, const std::filesystem::path& tmp_dir,
                         bool keep_machine_state) {
            return std::make_shared<Overridable>(
                session().runtime.host(),
                vm::MachineOptions{name, out_dir, tmp_dir, keep_machine_state}, start_command);
        }))
        .def("_set_overridden",
             [](QemuMachine& self, const std::vector<std::string>& names) {
                 if (auto* overridable = dynamic_cast<Overridable*>(&self))
                     overridable->overridden = {names.begin(), names.end()};
             })
        .def_property(
            "booted", [](const QemuMachine& self) { return self.booted.load(); },
            [](QemuMachine& self, bool value) { self.booted = value; })
        .def_property(
            "connected", [](const QemuMachine& self) { return self.connected.load(); },
            [](QemuMachine& self, bool value) { self.connected = value; })
        .def_property_readonly("pid", &pid_of)
        .def_property_readonly("start_command", &QemuMachine::start_command)
        .def_property_readonly(
            "monitor_path",
            [](const QemuMachine& self) { return std::filesystem::path(self.monitor_path()); })
        .def_property_readonly(
            "qmp_path",
            [](const QemuMachine& self) { return std::filesystem::path(self.qmp_path()); })
        .def_property_readonly(
            "shell_path",
            [](const QemuMachine& self) { return std::filesystem::path(self.shell_path()); })
        .def_property_readonly(
            "vnc_path",
            [](const QemuMachine& self) { return std::filesystem::path(self.vnc_path()); })
        .def("_use_vsock", &QemuMachine::use_vsock)
        .def_property_readonly("_vsock", &QemuMachine::vsock_sockets)
        .def("start", &QemuMachine::start, "allow_reboot"_a = false, can_block())
        .def("shutdown", &QemuMachine::shutdown, can_block())
        .def("crash", &QemuMachine::crash, can_block())
        .def("reboot", &QemuMachine::reboot, can_block())
        .def("wait_for_shutdown", &QemuMachine::wait_for_shutdown, can_block())
        .def("_process", [](const QemuMachine& self) { return ProcessHandle(self); })
        .def("_shell_fd",
             [](const QemuMachine& self) { return self.running()->guest->line().fd(); })
        .def("_monitor_fd",
             [](const QemuMachine& self) { return self.running()->hmp->stream().fd(); })
        .def("_retry", &retry_in_python);
}

void bind_monitors(Class& machine) {
    machine
        .def("send_monitor_command",
             [](QemuMachine& self, const std::string& command) {
                 return text_from([&] { return self.send_monitor_command(command); });
             })
        .def("wait_for_monitor_prompt",
             [](QemuMachine& self) {
                 return text_from([&] { return self.wait_for_monitor_prompt(); });
             })
        .def("_qmp_send",
             [](QemuMachine& self, const std::string& command, const std::string& arguments) {
                 return text_from([&] { return self.send_qmp(command, arguments); });
             })
        .def("_qmp_next_event",
             [](QemuMachine& self, Timeout timeout) -> std::optional<py::str> {
                 const py::gil_scoped_release without_gil;
                 const auto event = self.next_qmp_event(timeout);
                 const py::gil_scoped_acquire gil;
                 return event ? std::optional(text_of(*event)) : std::nullopt;
             })
        .def("send_key",
             [](QemuMachine& self, const std::string& key, Timeout delay, bool log) {
                 const py::gil_scoped_release without_gil;
                 self.send_key(key, delay.value_or(Seconds(0)), log);
             })
        .def("send_chars",
             [](QemuMachine& self, const std::string& chars, Timeout delay) {
                 const py::gil_scoped_release without_gil;
                 self.send_chars(chars, delay.value_or(Seconds(0)));
             })
        .def("forward_port", &QemuMachine::forward_port, can_block())
        .def("block", &QemuMachine::block, can_block())
        .def("unblock", &QemuMachine::unblock, can_block());
}

void bind_console(Class& machine) {
    machine.def("send_console", &QemuMachine::send_console, can_block())
        .def("_tap_console", &QemuMachine::tap_console)
        .def("get_console_log",
             [](QemuMachine& self) { return text_from([&] { return self.get_console_log(); }); })
        .def("_console_wait_for", &wait_for_console)
        .def("_console_next_line", &next_line, can_block())
        .def("_console_pending_lines", &pending_lines, can_block())
        .def("_console_closed", [](QemuMachine& self) { return self.console().closed(); })
        .def("_console_wait_closed", &QemuMachine::wait_for_console_end, can_block());
}

} // namespace

void bind_qemu_machine(py::module_& module) {
    py::class_<ProcessHandle>(module, "ProcessHandle")
        .def_property_readonly("pid", &ProcessHandle::pid)
        .def_property_readonly("args", &ProcessHandle::args)
        .def_property_readonly("stdin_fd", &ProcessHandle::stdin_fd)
        .def_property_readonly("stdout_fd", &ProcessHandle::stdout_fd)
        .def("poll", &ProcessHandle::poll)
        .def("wait", &ProcessHandle::wait, can_block())
        .def("signal", &ProcessHandle::signal);
    Class machine(module, "QemuMachine", py::dynamic_attr());
    bind_life(machine);
    bind_monitors(machine);
    bind_console(machine);
}

} // namespace ntd::python
