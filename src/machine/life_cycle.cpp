// The life cycle of a machine: see the comment at Machine.

#include <ntd/machine/machine.h>

#include <ntd/base/error.h>
#include <ntd/trace/trace.h>

#include <algorithm>
#include <csignal>
#include <utility>

namespace ntd::machine {

namespace {

constexpr Seconds alive_interval{10}; // between checks while a machine is to end

} // namespace

std::shared_ptr<Run> Machine::run() const {
    auto run = run_.copy();
    if (!run)
        throw MachineError("machine '{}' is not running: start() it first", name());
    return run;
}

void Machine::throw_if_ended(std::string_view doing) const {
    const auto run = run_.copy();
    if (run && run->process.child().poll())
        run->process.throw_died(doing);
}

SharedFd Machine::exit_fd() const {
    const auto run = run_.copy();
    return run ? SharedFd(run, &run->process.child().pidfd()) : nullptr;
}

void Machine::start(bool allow_reboot) {
    const auto turn = start_turn_.take(Deadline::never(), host_.interrupt);
    if (booted)
        return;
    trace::info(trace::Category::machine, "{}: start", name());
    log(fmt::format("starting {}", kind_.what));
    make_directories();
    console_.clear();
    auto run = launch(allow_reboot);
    run->is_started = true;
    trace::info(trace::Category::machine, "{}: launched, process {}", name(),
                run->process.child().pid());
    // Swaps, so that the previous run is destroyed without the lock: its destructor waits for the
    // I/O thread.
    run_.with([&](auto& current) { current.swap(run); });
    lost();
    booted = true;
}

void Machine::begin(const std::shared_ptr<Run>& run) {
    starting_.with([&](auto& starting) { starting = run; });
    if (closed_)
        throw MachineError("machine '{}' is not started: the test is over", name());
    if (starts_refused_)
        throw MachineError("machine '{}' is not started: that was interrupted", name());
    host_.log.write(name(), log::Life{log::Life::What::started});
}

void Machine::refuse_starts() noexcept {
    starts_refused_ = true;
    abort_start();
}

void Machine::abort_start() noexcept {
    const auto starting = starting_.copy().lock();
    if (starting && starting != run_.copy())
        kill(*starting);
}

void Machine::close() noexcept {
    trace::debug(trace::Category::machine, "{}: close", name());
    closed_ = true;
    for (const auto& run : {run_.copy(), starting_.copy().lock()})
        if (run)
            end(*run);
}

void Machine::release() noexcept {
    trace::debug(trace::Category::machine, "{}: release", name());
    try {
        abort_start();
        if (const auto run = run_.copy())
            kill(*run);
        forget_run();
        take_back_directories();
    } catch (const std::exception& error) {
        host_.log.line(name(), log::Level::error, error.what());
    }
}

void Machine::end(Run& run) noexcept {
    if (run.process.has_ended())
        return;
    if (run.is_started)
        announce_end(run);
    run.process.signal(SIGTERM);
}

void Machine::kill(Run& run) noexcept {
    if (run.is_started && !run.process.has_ended())
        announce_end(run);
    // Also if the child has ended: it may be a shell that leaves a QEMU that still writes to disks.
    if (run.end_announced || !run.is_started)
        run.process.stop();
}

bool Machine::announce_end(Run& run) const {
    if (run.end_announced.exchange(true))
        return false;
    log(fmt::format("kill {} (pid {})", host_.habits.names_kind ? kind_.class_name : "machine",
                    run.process.child().pid()));
    return true;
}

void Machine::forget_run() {
    booted = false;
    lost();
    const auto run = run_.with([](auto& current) { return std::exchange(current, {}); });
    if (!run)
        return;
    host_.log.write(name(), log::Life{log::Life::What::ended});
    trace::info(trace::Category::machine, "{}: ended, process {}", name(),
                run->process.child().pid());
    ended(*run);
}

std::string Machine::situation() {
    const auto current = run_or_null();
    std::string state = "it is off";
    if (const auto ended = current ? current->process.child().poll() : std::nullopt)
        state = fmt::format("its process (pid {}) {}", current->process.child().pid(),
                            ended->describe());
    else if (current)
        state = is_up() ? "it is up" : "it is booting";
    const auto commands = described(commands_);
    return commands.empty() ? state : state + "; " + commands;
}

void Machine::wait_for_shutdown() {
    if (!booted)
        return;
    const log::Scope scope(host_.log, log::ScopeKind::nested, name(),
                           fmt::format("waiting for {} to power off", kind_.whole));
    const auto current = run();
    const auto begin = Deadline::Clock::now();
    const auto interval = std::min<Seconds>(alive_interval, host_.silence);
    while (!current->process.child().wait(Deadline::after(interval), host_.interrupt))
        check_alive(*current, Deadline::Clock::now() - begin);
    current->process.wait_for_last_output();
    forget_run();
}

log::Scope Machine::waiting_for_boot() const {
    return {host_.log, log::ScopeKind::nested, name(),
            fmt::format("waiting for {} to finish booting", kind_.whole)};
}

void Machine::log_connected(Deadline::Clock::time_point begin) const {
    const Seconds took = Deadline::Clock::now() - begin;
    trace::info(trace::Category::machine, "{}: connected after {:.3f} s", name(), took.count());
    log("connected to guest root shell");
    host_.log.write(name(), log::Life{log::Life::What::up});
    log(fmt::format("(connecting took {:.2f} seconds)", took.count()));
}

void Machine::check_dead_end() const {
    const auto dead_end = console_.dead_end();
    if (dead_end && !host_.interactive)
        throw MachineError("machine '{}': {} cannot boot: {}\n{}", name(), kind_.inside, *dead_end,
                           console_.last_output(30));
}

std::optional<Seconds> Machine::too_long_silence() const {
    const Seconds silence = Deadline::Clock::now() - console_.last_activity();
    return silence >= host_.boot_silence ? std::optional(silence) : std::nullopt;
}

} // namespace ntd::machine
