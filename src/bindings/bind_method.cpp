#include "bindings.h"
#include "method.h"

#include <string>

namespace py = pybind11;

namespace ntd::bindings {

namespace {

using namespace pybind11::literals;

// The innermost call of this thread. Calls nest, so one value is enough: each call restores the
// outer one.
struct Call {
    const Method* method = nullptr;
    const PyObject* machine = nullptr;
};
thread_local Call current_call;

class CallScope {
public:
    explicit CallScope(const Call& call) : outer_(current_call) { current_call = call; }
    ~CallScope() { current_call = outer_; }
    CallScope(const CallScope&) = delete;
    CallScope& operator=(const CallScope&) = delete;
    CallScope(CallScope&&) = delete;
    CallScope& operator=(CallScope&&) = delete;

private:
    Call outer_;
};

bool is_method(const py::handle& value) {
    return PyInstanceMethod_Check(value.ptr()) != 0;
}

// The methods of a class of the engine, in the order of their bindings. They become methods of the
// class of the same name in `module`.
py::dict methods_of(const std::string& owner, const py::str& module) {
    py::dict methods;
    const py::str of_module = "__module__";
    const py::object members = py::module_::import("_ntd").attr(owner.c_str()).attr("__dict__");
    for (const py::handle name : members) {
        const auto text = name.cast<std::string>();
        const py::object member = members[name];
        if (text.front() == '_' || !is_method(member))
            continue;
        const py::object method = py::cast(Method(member, owner, text));
        py::setattr(method, of_module, module);
        methods[name] = method;
    }
    return methods;
}

py::object bound(const py::object& method, const py::object& machine, const py::object&) {
    if (machine.is_none())
        return method;
    return py::reinterpret_steal<py::object>(PyMethod_New(method.ptr(), machine.ptr()));
}

// Makes isinstance() accept a Method as a function, because inspect and unittest.mock handle
// functions well.
void pass_for_function(const py::object& kind) {
    const auto of_python = [](PyTypeObject& type) {
        return py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(&type));
    };
    const auto pretended = of_python(PyProperty_Type)(
        py::cpp_function([of_python](const py::object&) { return of_python(PyFunction_Type); }));
    // Written to tp_dict, because an assignment to __class__ would change the type of the type.
    auto* const type = reinterpret_cast<PyTypeObject*>(kind.ptr());
    if (PyDict_SetItemString(type->tp_dict, "__class__", pretended.ptr()) != 0)
        throw py::error_already_set();
    PyType_Modified(type);
}

// For the report of a failure: the machine whose method raised the exception.
void note_machine(const py::error_already_set& error, const py::args& args) {
    try {
        if (!args.empty() && !py::hasattr(error.value(), "_machine"))
            error.value().attr("_machine") = args[0].attr("name");
    } catch (const py::error_already_set&) { // it takes no attributes
    }
}

// Attributes that Python functions have, too: name, code, defaults.
py::object attribute(const Method& method, const std::string& name) {
    py::object declared = method.declared();
    return name == "__wrapped__" ? declared : declared.attr(name.c_str());
}

} // namespace

py::object Method::call(const py::args& args, const py::kwargs& kwargs) const {
    const CallScope scope({this, args.empty() ? nullptr : py::object(args[0]).ptr()});
    note_script_line();
    auto* const result = PyObject_Call(function_.ptr(), args.ptr(), kwargs.ptr());
    if (result != nullptr)
        return py::reinterpret_steal<py::object>(result);
    try {
        throw py::error_already_set();
    } catch (const py::error_already_set& error) {
        if (error.matches(PyExc_TypeError))
            declared()(*args, **kwargs); // raises Python's own error for wrong arguments
        note_machine(error, args);
        throw;
    }
}

py::object Method::declared() const {
    return py::module_::import("test_driver._declared").attr(owner_.c_str()).attr(name_.c_str());
}

bool Method::is_called(const py::handle& machine, const char* name) {
    return current_call.method != nullptr && current_call.machine == machine.ptr() &&
           current_call.method->name_ == name;
}

std::string Method::name_of_call() {
    return current_call.method != nullptr ? current_call.method->name_ : "";
}

void bind_methods(py::module_& module) {
    py::class_<Method> method(module, "Method", py::dynamic_attr());
    method.def("__call__", &Method::call)
        .def("__get__", &bound, "machine"_a, "owner"_a = py::none())
        .def("__reduce__", [](const Method& self) { return self.qualified_name(); })
        .def("__repr__",
             [](const Method& self) { return "<function " + self.qualified_name() + ">"; })
        .def_property_readonly("__doc__",
                               [](const Method& self) { return self.declared().attr("__doc__"); })
        .def("__getattr__", &attribute);
    pass_for_function(method);
    module.def("methods_of", &methods_of, "owner"_a, "module"_a);
}

} // namespace ntd::bindings
