#pragma once

#include <ntd/machine/machine_process.h>

#include <atomic>
#include <string>
#include <string_view>

namespace ntd::machine {

// One run of a machine's process, and all that belongs to it: each kind of machine adds its own.
// Shared by the machine and the calls in progress.
struct Run {
    // `program` is what messages call the process.
    Run(const os::ProcessSpec& spec,
        const std::string& name,
        std::string_view program,
        ConsoleLog& console,
        const Host& host)
        : process(spec, name, program, console, host) {}

    MachineProcess process;
    std::atomic<bool> is_started = false; // it is no launch() any more
    std::atomic<bool> end_announced = false;
};

} // namespace ntd::machine
