#include "bindings.h"
#include "casters.h"

#include <ntd/log/log.h>

#include <memory>
#include <string>

namespace py = pybind11;

namespace ntd::bindings {

namespace {

// The innermost frames that are searched for the script.
constexpr int most_frames = 32;

// A log::Scope that begins and ends where Python's `with` does.
class ScopeHandle {
public:
    ScopeHandle(std::string text, std::string machine, bool subtest)
        : text_(std::move(text)), machine_(std::move(machine)),
          kind_(subtest ? log::ScopeKind::subtest : log::ScopeKind::nested) {}

    void enter() {
        note_script_line();
        const py::gil_scoped_release without_gil;
        scope_ = std::make_unique<log::Scope>(session().runtime.host().log, kind_, machine_, text_);
    }

    void exit(const py::object& type, const py::object& value, const py::object&) {
        std::optional<std::string> failure;
        if (!type.is_none() && !is_success(type, value))
            failure = describe(type, value);
        const py::gil_scoped_release without_gil;
        scope_->end(std::move(failure));
    }

private:
    // exit() and exit(0) end the test successfully.
    static bool is_success(const py::object& type, const py::object& value) {
        if (PyErr_GivenExceptionMatches(type.ptr(), PyExc_SystemExit) == 0)
            return false;
        const py::object code = value.attr("code");
        return code.is_none() || code.equal(py::int_(0));
    }

    static std::string describe(const py::object& type, const py::object& value) {
        try {
            return bytes_of(py::str("{}: {}").format(type.attr("__name__"), value),
                            Surrogates::show);
        } catch (const py::error_already_set&) { // raised by the exception's own __str__
            return bytes_of(py::str(type.attr("__name__")), Surrogates::show);
        }
    }

    std::string text_;
    std::string machine_;
    log::ScopeKind kind_;
    std::unique_ptr<log::Scope> scope_;
};

void bind_verdict(py::module_& module) {
    using namespace pybind11::literals;
    module.def(
        "log_test_error",
        [](const Words& text) { session().runtime.host().log.test_error(text.bytes); }, "text"_a,
        can_block());
    module.def(
        "set_verdict",
        [](Words text, Words details, bool is_summary) {
            session().runtime.termination().set_verdict({.text = std::move(text.bytes),
                                                         .details = std::move(details.bytes),
                                                         .is_summary = is_summary});
        },
        "text"_a, "details"_a = "", "is_summary"_a = false, can_block());
    module.def(
        "tell_verdict", [] { session().runtime.termination().tell_verdict(); }, can_block());
    module.def(
        "log_skipped",
        [](const Words& subtest) { session().runtime.host().log.skipped(subtest.bytes); },
        "subtest"_a, can_block());
}

} // namespace

void note_script_line() {
    static const py::object* const file = new py::object(
        py::module_::import("test_driver.logger.failure").attr("FILE_NAME")); // for ever
    py::object frame =
        py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(PyEval_GetFrame()));
    int line = 0;
    for (int depth = 0; frame && depth < most_frames; ++depth) {
        auto* const raw = reinterpret_cast<PyFrameObject*>(frame.ptr());
        const auto code =
            py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(PyFrame_GetCode(raw)));
        const py::object name = code.attr("co_filename");
        if (name.is(*file) || name.equal(*file)) {
            line = PyFrame_GetLineNumber(raw);
            break;
        }
        frame =
            py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(PyFrame_GetBack(raw)));
    }
    log::set_script_line(line);
}

// Long because it is a table, a row for each name.
void bind_log(py::module_& module) {
    using namespace pybind11::literals;

    py::enum_<log::Level>(module, "Level")
        .value("debug", log::Level::debug)
        .value("info", log::Level::info)
        .value("warning", log::Level::warning)
        .value("error", log::Level::error);

    py::class_<ScopeHandle>(module, "Scope", "One nested part of the log, as a context manager.")
        .def(py::init([](Words text, std::string machine, bool subtest) {
                 return std::make_unique<ScopeHandle>(std::move(text.bytes), std::move(machine),
                                                      subtest);
             }),
             "text"_a, "machine"_a = "", "subtest"_a = false)
        .def("__enter__", &ScopeHandle::enter)
        .def("__exit__", &ScopeHandle::exit);

    bind_verdict(module);
    module.def(
        "show_serial", [](bool shown) { session().terminal.set_serial(shown); }, "shown"_a,
        can_block());
    module.def(
        "show_serial_of",
        [](const std::string& machine, bool shown) {
            session().terminal.set_serial(machine, shown);
        },
        "machine"_a, "shown"_a, can_block());
    module.def(
        "set_quiet", [](bool quiet) { session().terminal.set_quiet(quiet); }, "quiet"_a,
        can_block());
    module.def(
        "redirect_log", [](int fd) { session().terminal.redirect(fd); }, "fd"_a, can_block());
    module.def(
        "set_log_level", [](log::Level level) { session().terminal.set_level(level); }, "level"_a,
        can_block());
    module.def(
        "log_line",
        [](log::Level level, const Words& text, const std::string& machine) {
            session().runtime.host().log.line(machine, level, text.bytes);
        },
        "level"_a, "text"_a, "machine"_a = "", can_block());
    module.def(
        "prepare_log_for_end", [] { session().runtime.host().log.prepare_for_end(); }, can_block());
    module.def(
        "log_serial",
        [](const std::string& machine, const Words& text) {
            session().runtime.host().log.serial(machine, text.bytes);
        },
        "machine"_a, "text"_a, can_block());
}

} // namespace ntd::bindings
