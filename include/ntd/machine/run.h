#pragma once

#include <ntd/machine/machine_process.h>

#include <atomic>
#include <string>
#include <string_view>

namespace ntd::machine {

// One run of a machine's process, with all that belongs to it. Each kind of machine derives its
// own. The machine and the calls in progress share it.
struct Run {
    // `program` is the name of the process in messages.
    Run(const os::ProcessSpec& spec,
        const std::string& name,
        std::string_view program,
        ConsoleLog& console,
        const Host& host)
        : process(spec, name, program, console, host) {}

    MachineProcess process;
    std::atomic<bool> is_started = false; // launch() is over
    std::atomic<bool> end_announced = false;
};

} // namespace ntd::machine
