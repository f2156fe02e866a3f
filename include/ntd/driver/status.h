#pragma once

#include <ntd/base/guarded.h>
#include <ntd/log/log.h>
#include <ntd/machine/machine.h>

#include <functional>
#include <string>
#include <vector>

namespace ntd::driver {

// What the run is doing, for people. Thread-safe.
class Status {
public:
    explicit Status(const log::Log& log) : log_(log) {}

    // A machine must be removed before it is destroyed.
    void add(machine::Machine& machine);
    void remove(const machine::Machine& machine);

    // Returns the lines of the script that Python's threads are at. Must not wait for long. A
    // function, because only the bindings know Python.
    void set_places(std::function<std::string()> places);

    // A line for each thread that is in a step of the test, for each thread that runs Python code,
    // and for each machine.
    std::string text() const;

private:
    const log::Log& log_;
    Guarded<std::vector<machine::Machine*>> machines_;
    Guarded<std::function<std::string()>> places_;
};

} // namespace ntd::driver
