#pragma once

#include <pybind11/pybind11.h>

#include <string>

namespace ntd::bindings {

class [[gnu::visibility("hidden")]] Method; // pybind11 types are hidden, too

// A method of a machine, as scripts see it: with the signature, the docstring and the error
// messages of a Python method. These come from test_driver/_declared.py, which is generated from
// the bindings, and imported only when needed.
class Method {
public:
    Method(pybind11::object function, std::string owner, std::string name)
        : function_(std::move(function)), owner_(std::move(owner)), name_(std::move(name)) {}

    pybind11::object call(const pybind11::args& args, const pybind11::kwargs& kwargs) const;
    pybind11::object declared() const;

    std::string qualified_name() const { return owner_ + "." + name_; }

    // The innermost method that Python is calling in this thread: whether it is `name` of
    // `machine`, and its name.
    static bool is_called(const pybind11::handle& machine, const char* name);
    static std::string name_of_call();

private:
    pybind11::object function_;
    std::string owner_;
    std::string name_;
};

} // namespace ntd::bindings
