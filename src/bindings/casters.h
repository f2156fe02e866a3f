#pragma once

#include <ntd/machine/host.h>

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

// Durations are int or float seconds, or datetime.timedelta. (pybind11/chrono.h takes no int.)
template <>
struct pybind11::detail::type_caster<ntd::machine::Seconds> {
    PYBIND11_TYPE_CASTER(ntd::machine::Seconds, const_name("float"));

    bool load(handle source, bool) {
        if (!source || source.is_none() || PyBool_Check(source.ptr()) != 0)
            return false;
        if (hasattr(source, "total_seconds")) {
            value = ntd::machine::Seconds(source.attr("total_seconds")().cast<double>());
            return true;
        }
        if (PyFloat_Check(source.ptr()) == 0 && PyLong_Check(source.ptr()) == 0)
            return false;
        value = ntd::machine::Seconds(PyFloat_AsDouble(source.ptr()));
        return PyErr_Occurred() == nullptr;
    }

    static handle cast(ntd::machine::Seconds seconds, return_value_policy, handle) {
        return PyFloat_FromDouble(seconds.count());
    }
};

namespace ntd::bindings {

// Converts a str to bytes. Bytes that os.fsdecode() has escaped are restored. Other surrogates are
// not characters: the text is refused, or, if it is for people only, they are written out (\ud800).
enum class Surrogates { refuse, show };
inline std::string bytes_of(const pybind11::str& text, Surrogates surrogates = Surrogates::refuse) {
    auto* bytes = PyUnicode_AsEncodedString(text.ptr(), "utf-8", "surrogateescape");
    if (bytes == nullptr && surrogates == Surrogates::show &&
        PyErr_ExceptionMatches(PyExc_UnicodeEncodeError) != 0) {
        PyErr_Clear();
        bytes = PyUnicode_AsEncodedString(text.ptr(), "utf-8", "backslashreplace");
    }
    if (bytes == nullptr)
        throw pybind11::error_already_set();
    return pybind11::reinterpret_steal<pybind11::bytes>(bytes);
}

// A str argument with any characters, or bytes.
struct Text {
    std::string bytes;
};

// The same, for people to read: accepts any text, as the log does.
struct Words {
    std::string bytes;
};

// The same, for the guest's shell: without NUL.
struct Command {
    std::string bytes;
};

// Converts a guest's bytes to text; invalid UTF-8 is replaced.
inline pybind11::str text_of(std::string_view bytes) {
    auto* text =
        PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()), "replace");
    if (text == nullptr)
        throw pybind11::error_already_set();
    return pybind11::reinterpret_steal<pybind11::str>(text);
}

// A path as a str, because pathlib.Path would have to be imported in each run.
inline pybind11::str text_of_path(const std::filesystem::path& path) {
    const auto& bytes = path.native();
    auto* text =
        PyUnicode_DecodeFSDefaultAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size()));
    if (text == nullptr)
        throw pybind11::error_already_set();
    return pybind11::reinterpret_steal<pybind11::str>(text);
}

} // namespace ntd::bindings

template <>
struct pybind11::detail::type_caster<ntd::bindings::Text> {
    PYBIND11_TYPE_CASTER(ntd::bindings::Text, const_name("str"));

    bool load(handle source, bool) {
        if (isinstance<str>(source))
            value.bytes = ntd::bindings::bytes_of(reinterpret_borrow<str>(source));
        else if (isinstance<pybind11::bytes>(source))
            value.bytes = reinterpret_borrow<pybind11::bytes>(source);
        else
            return false;
        return true;
    }
};

template <>
struct pybind11::detail::type_caster<ntd::bindings::Words> {
    PYBIND11_TYPE_CASTER(ntd::bindings::Words, const_name("str"));

    bool load(handle source, bool convert) {
        using ntd::bindings::Surrogates;
        make_caster<ntd::bindings::Text> text;
        if (isinstance<str>(source))
            value.bytes =
                ntd::bindings::bytes_of(reinterpret_borrow<str>(source), Surrogates::show);
        else if (text.load(source, convert))
            value.bytes = cast_op<ntd::bindings::Text&>(text).bytes;
        else
            return false;
        return true;
    }
};

template <>
struct pybind11::detail::type_caster<ntd::bindings::Command> {
    PYBIND11_TYPE_CASTER(ntd::bindings::Command, const_name("str"));

    bool load(handle source, bool convert) {
        make_caster<ntd::bindings::Text> text;
        if (!text.load(source, convert))
            return false;
        value.bytes = cast_op<ntd::bindings::Text&>(text).bytes;
        if (value.bytes.find('\0') != value.bytes.npos)
            throw value_error("a command cannot have NUL bytes in it");
        return true;
    }
};
