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

// Reads a time limit from a variable, for slow start scripts, and for tests of those that hang.
machine::Timeout limit_from(const char* variable) {
    const char* text = std::getenv(variable);
    if (text == nullptr || *text == '\0')
        return std::nullopt;
    char* end = nullptr;
    const double seconds = std::strtod(text, &end);
    if (*end != '\0' || !(seconds > 0))
        throw UsageError("{} is not a positive number of seconds: '{}'", variable, text);
    return machine::Seconds(seconds);
}

machine::Seconds seconds_from(const char* variable, machine::Seconds otherwise) {
    return limit_from(variable).value_or(otherwise);
}

} // namespace

Runtime::Runtime(log::Log& log, const os::OrphanGuard& guard)
    : status_(log), termination_(log, loop_, guard, status_),
      progress_(log, loop_), host_{.log = log,
                                   .loop = loop_,
                                   .interrupt = interrupt_,
                                   .guard = guard,
                                   .environment = os::current_environment,
                                   .start_timeout =
                                       seconds_from("NTD_START_TIMEOUT", machine::Seconds(300)),
                                   .boot_silence =
                                       seconds_from("NTD_BOOT_SILENCE", machine::Seconds(300)),
                                   .boot_limit = limit_from("NTD_BOOT_TIMEOUT"),
                                   .silence = seconds_from("NTD_SILENCE", machine::Seconds(300))} {}

// Long because its threads share local data.
void start_all(std::span<const std::shared_ptr<machine::Machine>> machines,
               const machine::Host& host) {
    struct Outcome {
        std::vector<std::string> failures; // one per machine; empty: it has started
        std::size_t pending;
    };
    Guarded<Outcome> outcome(Outcome{std::vector<std::string>(machines.size()), machines.size()});
    os::Broadcast changed;
    os::Broadcast::Listener done(changed);
    const auto start = [&](std::size_t number) {
        machine::Machine& machine = *machines[number];
        std::string failure;
        try {
            machine.start(false);
        } catch (const std::exception& error) {
            failure = fmt::format("{}: {}", machine.name(), error.what());
        }
        outcome.with([&](Outcome& now) {
            now.failures[number] = std::move(failure);
            --now.pending;
        });
        changed.notify();
    };
    std::vector<std::jthread> threads;
    for (std::size_t number = 0; number < machines.size(); ++number)
        threads.emplace_back([&start, number] { start(number); });
    try {
        while (outcome.copy().pending > 0) {
            os::wait_readable({done.fd()}, Deadline::never(), host.interrupt);
            done.reset();
        }
    } catch (...) {
        for (const auto& machine : machines)
            machine->refuse_starts();
        while (outcome.copy().pending > 0) {
            pollfd ended{done.fd(), POLLIN, 0};
            ::poll(&ended, 1, -1);
            done.reset();
        }
        for (const auto& machine : machines)
            machine->allow_starts();
        throw;
    }
    auto failures = outcome.copy().failures;
    std::erase(failures, "");
    if (!failures.empty())
        throw MachineError("Failed to start the following machines:\n{}",
                           fmt::join(failures, "\n"));
}

} // namespace ntd::driver
