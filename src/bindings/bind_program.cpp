#include "bindings.h"
#include "casters.h"

#include <ntd/machine/host.h>
#include <ntd/os/child_process.h>
#include <ntd/os/directory_watch.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace py = pybind11;

namespace ntd::bindings {

namespace {

using namespace pybind11::literals;

// A program that the test_driver package runs, in a process group of its own.
class Program {
public:
    Program(const os::ProcessSpec& spec, const machine::Host& host)
        : process_(spec, host.guard), interrupt_(host.interrupt) {}

    pid_t pid() const { return process_.pid(); }
    int exit_fd() const { return process_.exit_fd(); }

    std::optional<int> wait(machine::Timeout timeout) {
        const auto status = process_.wait(machine::deadline_of(timeout), interrupt_);
        return status ? std::optional(status->returncode()) : std::nullopt;
    }

    void end(machine::Seconds grace) {
        if (!process_.poll())
            process_.end(Deadline::after(grace));
    }

private:
    os::ChildProcess process_;
    os::Interrupt& interrupt_;
};

std::unique_ptr<Program> start(std::vector<Text> words,
                               int input,
                               int output,
                               int errors,
                               std::vector<int> inherited,
                               bool new_session) {
    auto environment = os::current_environment(); // read with the GIL, as Python may change it
    const py::gil_scoped_release without_gil;
    os::ProcessSpec spec{
        .environment = std::move(environment),
        .pipe_stdin = false,
        .new_session = new_session,
        .stdin_fd = input,
        .stdout_fd = output,
        .stderr_fd = errors,
        .inherited = std::move(inherited),
    };
    for (auto& word : words)
        spec.argv.push_back(std::move(word.bytes));
    return std::make_unique<Program>(spec, session().runtime.host());
}

} // namespace

void bind_program(py::module_& module) {
    py::class_<os::DirectoryWatch>(module, "DirectoryWatch")
        .def(py::init<const std::filesystem::path&>(), "directory"_a, can_block())
        .def_property_readonly("fd", &os::DirectoryWatch::fd)
        .def("reset", &os::DirectoryWatch::reset, can_block());
    py::class_<Program>(module, "Program")
        .def(py::init(&start), "words"_a, py::kw_only(), "input"_a = -1, "output"_a = 1,
             "errors"_a = 2, "inherited"_a = std::vector<int>(), "new_session"_a = false)
        .def_property_readonly("pid", &Program::pid)
        .def_property_readonly("exit_fd", &Program::exit_fd)
        .def("wait", &Program::wait, "timeout"_a = py::none(), can_block())
        .def("end", &Program::end, "grace"_a = machine::Seconds(3), can_block());
}

} // namespace ntd::bindings
