#include <ntd/bindings/interpreter.h>

#include "bindings.h"

#include <ntd/base/error.h>
#include <ntd/base/scope_exit.h>
#include <ntd/trace/trace.h>

#include <pybind11/embed.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <future>
#include <memory>
#include <thread>
#include <tuple>

namespace py = pybind11;
namespace fs = std::filesystem;

namespace ntd::bindings {

namespace {

std::unique_ptr<Session> current_session;

// The Python executable of an active virtual environment for the same Python version, else the one
// of the build. CPython derives the paths of its library and site-packages from it.
fs::path python_program() {
    if (const char* environment = std::getenv("VIRTUAL_ENV"); environment != nullptr) {
        const auto root = fs::path(environment);
        std::error_code ignored;
        if (fs::exists(root / "lib" / NTD_PYTHON_DIRECTORY / "site-packages", ignored))
            return root / "bin" / "python3";
    }
    return NTD_PYTHON_EXECUTABLE;
}

// Relative to the program, in the build tree and installed: ../share/ntd/python.
fs::path package_directory() {
    std::error_code error;
    const auto program = fs::read_symlink("/proc/self/exe", error);
    auto directory = program.parent_path().parent_path() / "share" / "ntd" / "python";
    if (error || !fs::exists(directory / "test_driver"))
        throw Error("the package test_driver is not at '{}', where it belongs; is the "
                    "installation complete?",
                    directory.string());
    return directory;
}

void check(PyStatus status, PyConfig& config) {
    if (PyStatus_Exception(status) == 0)
        return;
    const std::string reason = status.err_msg != nullptr ? status.err_msg : "unknown reason";
    PyConfig_Clear(&config);
    throw Error("cannot start Python ({}): {}", python_program().string(), reason);
}

// Blocks SIGINT while Python starts or stops, where CPython would treat an interrupt as a failure
// of its own. The signal is delivered afterwards.
class InterruptsLater {
public:
    InterruptsLater() {
        sigset_t interrupts;
        sigemptyset(&interrupts);
        sigaddset(&interrupts, SIGINT);
        pthread_sigmask(SIG_BLOCK, &interrupts, &before_);
    }
    ~InterruptsLater() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    InterruptsLater(const InterruptsLater&) = delete;
    InterruptsLater& operator=(const InterruptsLater&) = delete;
    InterruptsLater(InterruptsLater&&) = delete;
    InterruptsLater& operator=(InterruptsLater&&) = delete;

private:
    sigset_t before_{};
};

void start_python() {
    const InterruptsLater until_python_is_there;
    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    config.parse_argv = 0;
    const auto program = python_program().string();
    check(PyConfig_SetBytesString(&config, &config.program_name, program.c_str()), config);
    check(PyConfig_SetBytesString(&config, &config.executable, program.c_str()), config);
    check(Py_InitializeFromConfig(&config), config);
    PyConfig_Clear(&config);
}

// The lines of the script that Python's threads are at. The caller may be any thread and must not
// wait for the GIL for long: a thread of its own does that.
std::string places_in_script() {
    constexpr auto patience = std::chrono::seconds(1);
    const auto answer = std::make_shared<std::promise<std::string>>();
    auto text = answer->get_future();
    std::thread([answer] {
        try {
            const py::gil_scoped_acquire gil;
            answer->set_value(
                py::str(py::module_::import("test_driver.script.places").attr("text")()));
        } catch (const std::exception&) {
            answer->set_value("");
        }
    }).detach();
    if (text.wait_for(patience) != std::future_status::ready)
        return "(Python does not say which line of the script it is at: it holds its lock)";
    return text.get();
}

// Makes every wait of this thread check for signals that Python wants to handle, such as Ctrl-C.
void connect_signals(os::Interrupt& interrupt) {
    interrupt.set_hook([] {
        const py::gil_scoped_acquire gil;
        if (PyErr_CheckSignals() != 0)
            throw py::error_already_set();
    });
    hear_signals();
}

void disconnect_signals(os::Interrupt& interrupt) noexcept {
    const InterruptsLater until_it_is_done;
    if (PyErr_CheckSignals() != 0)
        PyErr_Clear(); // an interrupt now is too late
    try {
        py::module_::import("_signal").attr("set_wakeup_fd")(-1);
    } catch (const std::exception&) { // the script may have replaced it
    }
    interrupt.set_hook(nullptr);
}

// Reads the environment with the GIL held: another thread of the script may change os.environ.
std::vector<std::string> environment_with_gil() {
    const py::gil_scoped_acquire gil;
    return os::current_environment();
}

void find_package() {
    py::module_::import("sys").attr("path").attr("insert")(0, package_directory().string());
}

RunResult run_package() {
    find_package();
    const auto result = py::module_::import("test_driver.main").attr("main")();
    const auto [status, signal, threads_left] = result.cast<std::tuple<int, int, bool>>();
    return {status, signal, threads_left};
}

} // namespace

Session& session() {
    return *current_session;
}

void hear_signals() {
    py::module_::import("_signal").attr("set_wakeup_fd")(session().runtime.signals().wake_fd(),
                                                         py::arg("warn_on_full_buffer") = false);
}

RunResult run(const RunOptions& options,
              driver::Runtime& runtime,
              log::TerminalSink& terminal,
              evidence::Keeper& evidence) {
    start_python();
    trace::info(trace::Category::bindings, "Python is started");
    RunResult result;
    // Once Python is finalized, a thread that asks for the GIL is unwound by force, and C++ then
    // calls std::terminate. So if threads are left, Python stays and we keep the GIL.
    const ScopeExit stop_python([&] {
        if (!result.threads_left)
            Py_FinalizeEx();
    });
    current_session = std::make_unique<Session>(Session{options, runtime, terminal, evidence});
    auto& host = runtime.host();
    host.environment = environment_with_gil;
    host.interactive = options.interactive;
    const ScopeExit leave_python([&] {
        if (result.threads_left)
            return;
        runtime.status().set_places(nullptr);
        disconnect_signals(host.interrupt);
        host.environment = os::current_environment;
    });
    try {
        connect_signals(host.interrupt);
        runtime.status().set_places(places_in_script);
        result = run_package();
    } catch (py::error_already_set& error) { // must not outlive Python
        if (!error.matches(PyExc_KeyboardInterrupt))
            throw Error("{}", error.what());
        result.signal = SIGINT; // before main() could handle it
    }
    trace::info(trace::Category::bindings, "the run is over: status {}, signal {}{}", result.status,
                result.signal, result.threads_left ? "; threads of the script are left" : "");
    return result;
}

std::string reference() {
    start_python();
    const ScopeExit stop_python([] { Py_FinalizeEx(); });
    try {
        find_package();
        return py::str(py::module_::import("test_driver.reference").attr("text")());
    } catch (py::error_already_set& error) { // must not outlive Python
        if (error.matches(PyExc_KeyboardInterrupt))
            driver::Termination::die_by(SIGINT);
        throw Error("{}", error.what());
    }
}

std::string python_of_scripts() {
    return fmt::format("{} ({})", Py_GetVersion(), python_program().string());
}

} // namespace ntd::bindings

PYBIND11_EMBEDDED_MODULE(_ntd, module) {
    module.doc() = "The engine of the test driver.";
    ntd::bindings::bind_errors(module);
    ntd::bindings::bind_log(module);
    ntd::bindings::bind_machine(module);
    ntd::bindings::bind_program(module);
    ntd::bindings::bind_driver(module);
}
