#pragma once

#include <ntd/vm/host.h>

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

// Durations are int or float seconds, or datetime.timedelta. (pybind11/chrono.h takes no int.)
template <>
struct pybind11::detail::type_caster<ntd::vm::Seconds> {
    PYBIND11_TYPE_CASTER(ntd::vm::Seconds, const_name("float"));

    bool load(handle source, bool) {
        if (!source || source.is_none() || PyBool_Check(source.ptr()) != 0)
            return false;
        if (hasattr(source, "total_seconds")) {
            value = ntd::vm::Seconds(source.attr("total_seconds")().cast<double>());
            return true;
        }
        if (PyFloat_Check(source.ptr()) == 0 && PyLong_Check(source.ptr()) == 0)
            return false;
        value = ntd::vm::Seconds(PyFloat_AsDouble(source.ptr()));
        return PyErr_Occurred() == nullptr;
    }

    static handle cast(ntd::vm::Seconds seconds, return_value_policy, handle) {
        return PyFloat_FromDouble(seconds.count());
    }
};

namespace ntd::python {

// Bytes of a guest as text: what is not UTF-8 is replaced.
inline pybind11::str text_of(std::string_view bytes) {
    auto* text =
        PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), "replace");
    if (text == nullptr)
        throw pybind11::error_already_set();
    return pybind11::reinterpret_steal<pybind11::str>(text);
}

} // namespace ntd::python
