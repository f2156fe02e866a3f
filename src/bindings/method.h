#pragma once

#include <pybind11/pybind11.h>

#include <string>

namespace ntd::bindings {

class [[gnu::visibility("hidden")]] Method; // as all of pybind11

// A method of a machine, as scripts see it: in Python's eyes it has the signature, the text and the
// errors of a method in Python. These are in test_driver/_declared.py, which is made from the
// bindings, and read when somebody asks.
class Method {
public:
    Method(pybind11::object function, std::string owner, std::string name)
        : function_(std::move(function)), owner_(std::move(owner)), name_(std::move(name)) {}

    pybind11::object call(const pybind11::args& args, const pybind11::kwargs& kwargs) const;
    pybind11::object declared() const;

    std::string qualified_name() const { return owner_ + "." + name_; }

    // Of the method that Python has called last in this thread, and that has not returned: whether
    // it is this one of this machine, and its name.
    static bool is_called(const pybind11::handle& machine, const char* name);
    static std::string name_of_call();

private:
    pybind11::object function_;
    std::string owner_;
    std::string name_;
};

} // namespace ntd::bindings
