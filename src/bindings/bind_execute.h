#pragma once

#include "bindings.h"
#include "script_types.h"

#include <ntd/machine/machine.h>

namespace ntd::bindings {

// execute() of a kind of machine: they differ in what there is to say of it.
template <typename Class>
void bind_execute(Class& kind, const char* text) {
    namespace py = pybind11;
    using namespace pybind11::literals;
    kind.def(
        "execute",
        [](machine::Machine& self, const Command& command, bool check_return, bool check_output,
           const Limit& timeout) {
            return self.execute(command.bytes, {check_return, check_output, timeout.length});
        },
        "command"_a, "check_return"_a = true, "check_output"_a = true, timeout_by_default(),
        can_block(), text);
}

} // namespace ntd::bindings
