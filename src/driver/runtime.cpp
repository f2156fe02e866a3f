#include <ntd/driver/runtime.h>

#include <ntd/base/error.h>
#include <ntd/os/child_process.h>
#include <ntd/os/wait.h>

#include <fmt/ranges.h>

#include <poll.h>

#include <chrono>
#include <cstdlib>
#include <thread>

namespace ntd::driver {

namespace {

// For start scripts that take longer than they should, and for tests of those that take for ever.
vm::Seconds seconds_from(const char* variable, vm::Seconds otherwise) {
    const char* text = std::getenv(variable);
    if (text == nullptr || *text == '\0')
        return otherwise;
    char* end = nullptr;
    const double seconds = std::strtod(text, &end);
    if (*end != '\0' || !(seconds > 0))
        throw UsageError("{} is not a positive number of seconds: '{}'", variable, text);
    return vm::Seconds(seconds);
}

} // namespace

Runtime::Runtime(log::Log& log, const os::OrphanGuard& guard)
    : termination_(log, loop_, guard), host_{.log = log,
                                             .loop = loop_,
                                             .interrupt = interrupt_,
                                             .guard = guard,
                                             .environment = os::current_environment,
                                             .start_timeout = seconds_from("NTD_START_TIMEOUT",
                                                                           vm::Seconds(300)),
                                             .boot_silence = seconds_from("NTD_BOOT_SILENCE",
                                                                          vm::Seconds(300))} {}

void start_all(std::span<const std::shared_ptr<vm::Machine>> machines, const vm::Host& host) {
    struct Outcome {
        std::vector<std::string> failures;
        std::size_t pending;
    };
    Guarded<Outcome> outcome(Outcome{{}, machines.size()});
    os::Broadcast changed;
    os::Broadcast::Listener done(changed);
    const auto start = [&](vm::Machine& machine) {
        std::string failure;
        try {
            machine.start(false);
        } catch (const std::exception& error) {
            failure = error.what();
        }
        outcome.with([&](Outcome& now) {
            if (!failure.empty())
                now.failures.push_back(std::move(failure));
            --now.pending;
        });
        changed.notify();
    };
    std::vector<std::jthread> threads;
    for (const auto& machine : machines)
        threads.emplace_back([&start, &machine] { start(*machine); });
    try {
        while (outcome.copy().pending > 0) {
            os::wait_readable({done.fd()}, Deadline::never(), host.interrupt);
            done.reset();
        }
    } catch (...) {
        // One that has not launched yet has nothing to abort: ask again until all have ended.
        while (outcome.copy().pending > 0) {
            for (const auto& machine : machines)
                machine->abort_start();
            pollfd ended{done.fd(), POLLIN, 0};
            ::poll(&ended, 1, 10);
            done.reset();
        }
        throw;
    }
    if (const auto failures = outcome.copy().failures; !failures.empty())
        throw MachineError("{}", fmt::join(failures, "\n"));
}

} // namespace ntd::driver
