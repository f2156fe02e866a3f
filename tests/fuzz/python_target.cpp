// Runs a parser written in Python under libFuzzer: calls one(data) of the module NTD_FUZZ_MODULE,
// which must not raise. Each executed line counts as a branch.

#include <pybind11/embed.h>

#include <frameobject.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace py = pybind11;

namespace {

// libFuzzer reads coverage counters from this section.
__attribute__((section("__libfuzzer_extra_counters"))) std::array<std::uint8_t, 1 << 14> counters;

int count_line(PyObject*, PyFrameObject* frame, int, PyObject*) {
    PyCodeObject* code = PyFrame_GetCode(frame);
    const auto place = reinterpret_cast<std::uintptr_t>(code) / 64 * 31 +
                       static_cast<std::uintptr_t>(PyFrame_GetLineNumber(frame));
    ++counters[place % counters.size()];
    Py_DECREF(code);
    return 0;
}

PyObject* parser = nullptr; // the interpreter lives as long as the process

} // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    py::initialize_interpreter();
    try {
        py::list path = py::module_::import("sys").attr("path");
        path.insert(0, NTD_PYTHON_DIR);
        path.insert(0, NTD_FUZZ_DIR);
        parser = py::object(py::module_::import(NTD_FUZZ_MODULE).attr("one")).release().ptr();
    } catch (const py::error_already_set& error) {
        std::fprintf(stderr, "%s\n", error.what());
        std::abort();
    }
    PyEval_SetTrace(count_line, nullptr);
    std::atexit(py::finalize_interpreter); // runs Python's own exit handlers
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        py::reinterpret_borrow<py::object>(parser)(
            py::bytes(reinterpret_cast<const char*>(data), size));
    } catch (const py::error_already_set& error) {
        std::fprintf(stderr, "%s\n", error.what());
        std::abort();
    }
    return 0;
}
