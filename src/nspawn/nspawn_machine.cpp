#include <ntd/nspawn/nspawn_machine.h>

#include "nspawn_process.h"

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/os/wait.h>

#include <algorithm>
#include <csignal>
#include <fstream>

namespace ntd::nspawn {

namespace {

using namespace std::chrono_literals;

constexpr auto end_limit = 2s;                   // between the ends of init and of the start script
constexpr machine::Seconds clean_up_limit = 25s; // for the start script; 30 s with the rest
constexpr machine::Seconds kill_limit = 100ms;   // between the deaths of a command and of init
constexpr machine::Seconds shutdown_limit = 15s; // from the start of systemd-shutdown to its end
constexpr machine::Seconds poweroff_limit = 60s; // for `poweroff` to return

// The state directory is the container's root, so the guest owns it.
machine::MachineOptions with_root_of_guest(machine::MachineOptions options) {
    options.state = os::Contents::of_guests;
    return options;
}

constexpr machine::KindOfMachine kind{.class_name = "NspawnMachine",
                                      .what = "container",
                                      .whole = "the container",
                                      .inside = "the container"};

} // namespace

NspawnMachine::NspawnMachine(const machine::Host& host,
                             machine::MachineOptions options,
                             std::shared_ptr<const ContainerHost> containers)
    : machine::Machine(host, with_root_of_guest(std::move(options)), kind),
      containers_(std::move(containers)),
      connect_turn_(fmt::format("the connection to machine '{}'", name())) {}

NspawnMachine::~NspawnMachine() {
    release();
}

std::shared_ptr<NspawnMachine::Running> NspawnMachine::running() const {
    return std::static_pointer_cast<Running>(run());
}

std::shared_ptr<NspawnMachine::Running> NspawnMachine::running_or_null() const {
    return std::static_pointer_cast<Running>(run_or_null());
}

bool NspawnMachine::is_up() const {
    const auto running = running_or_null();
    const auto boot = running ? running->boot.copy() : nullptr;
    return boot && boot->connected && !boot->init().has_ended();
}

std::shared_ptr<machine::Run> NspawnMachine::launch(bool allow_reboot) {
    auto cgroup = containers_->make_cgroup(name());
    os::ProcessSpec spec{
        .argv = {start_command()},
        .environment = {"RUN_NSPAWN_ROOT_DIR=" + state_dir.string(),
                        "RUN_NSPAWN_SHARED_DIR=" + shared_dir.string(),
                        "NOTIFY_SOCKET=" + machine_sock_path()},
        .directory = state_dir,
        .cgroup_procs = cgroup->procs_fd(),
    };
    containers_->place(spec);
    auto socket = std::make_unique<os::UnixDatagrams>(machine_sock_path());
    auto running = std::make_shared<Running>(spec, std::move(cgroup), name(), std::move(socket),
                                             console(), host());
    running->allow_reboot = allow_reboot;
    begin(running);
    wait_for_announcement(*running);
    log(fmt::format("systemd-nspawn running (pid {})", running->nspawn.load()));
    return running;
}

// Messages on the socket are authenticated. Anybody may print the line on the console, so we check
// that the pid is part of the start script.
std::optional<pid_t> NspawnMachine::announced_nspawn(Running& running) const {
    if (const auto told = running.notices.nspawn())
        return told;
    const auto printed = announced_pid(console().text());
    return printed && is_part_of(*printed, running.process.child().pid()) ? printed : std::nullopt;
}

void NspawnMachine::wait_for_announcement(Running& running) {
    os::Broadcast::Listener changed(console().changed());
    const auto deadline = Deadline::after(host().start_timeout);
    for (;;) {
        changed.reset();
        if (const auto pid = announced_nspawn(running)) {
            running.nspawn = *pid;
            return;
        }
        if (running.process.wait_for(changed.fd(),
                                     sooner(deadline, Deadline::after(progress_interval)),
                                     "before it ran systemd-nspawn"))
            continue;
        if (deadline.passed())
            throw MachineError("machine '{}': its start script (pid {}) did not say \"{}N\", and "
                               "nothing on NOTIFY_SOCKET, of a process of its own within {:.0f} "
                               "seconds; {}",
                               name(), running.process.child().pid(), pid_line,
                               host().start_timeout.count(), console().last_output());
        log("still waiting for the start script to run systemd-nspawn");
    }
}

void NspawnMachine::connect() {
    if (is_up())
        return;
    const machine::WaitLimit::Pause booting; // the boot has its own time limit
    restart_if_asked();
    start(false);
    const auto turn = connect_turn_.take(Deadline::never(), host().interrupt);
    if (is_up())
        return;
    const auto scope = waiting_for_boot();
    const auto begin = Deadline::Clock::now();
    const auto current = running();
    while (!try_to_connect(*current)) // once per init: some start scripts restart it
        ;
    log_connected(begin);
}

// systemd-nspawn does not restart a container that reboots. It exits with status 133, and its
// caller has to start it again.
void NspawnMachine::restart_if_asked() {
    constexpr int wants_reboot = 133;
    const auto current = running_or_null();
    const auto boot = current ? current->boot.copy() : nullptr;
    if (!boot || !current->allow_reboot || !boot->init().has_ended())
        return;
    const auto end = current->process.child().wait(Deadline::after(end_limit), host().interrupt);
    if (!end || end->returncode() != wants_reboot)
        return;
    log("the container reboots");
    forget_run();
    start(true);
}

machine::ExecResult NspawnMachine::execute(const std::string& command,
                                           const machine::ExecuteOptions& options) {
    if (before_command)
        before_command();
    const bool may_end_it = !options.check_output || !options.check_return;
    auto result = commands().watch(command, whose(options), [&] {
        return run_command(command, options.timeout, {},
                           may_end_it ? AtItsEnd::result : AtItsEnd::error);
    });
    if (result.timed_out)
        throw CommandTimedOut(machine::shortened(command),
                              options.timeout.value_or(machine::Seconds(0)),
                              std::move(result.output));
    return result;
}

machine::ExecResult NspawnMachine::transfer(const std::string& command,
                                            std::optional<std::string_view> input,
                                            int output) {
    const auto sink =
        output < 0 ? machine::OutputSink() : machine::sink_to(output, host().interrupt);
    return run_command(command, std::nullopt, {input, sink}, AtItsEnd::error);
}

// `at_its_end`: how to report the end of the container during the command.
machine::ExecResult NspawnMachine::run_command(std::string_view command,
                                               machine::Timeout timeout,
                                               const machine::CommandStreams& streams,
                                               AtItsEnd at_its_end) {
    connect();
    const auto current = running();
    const auto boot = boot_of(*current);
    if (boot->init().has_ended())
        throw_gone(*current, fmt::format("before it was given the command `{}`",
                                         machine::shortened(command)));
    const auto deadline = machine::deadline_of(timeout);
    auto result = boot->shell.run(command, deadline, streams);
    if (result.timed_out)
        machine::WaitLimit::note_deadline_reached(deadline);
    const bool may_be_its_end = result.status != 0 && !result.timed_out;
    if (may_be_its_end && at_its_end == AtItsEnd::error && ended_under(result, *boot))
        throw_gone(*current,
                   fmt::format("while running the command `{}`", machine::shortened(command)));
    return result;
}

// Whether the container ended during a command. Whatever kills all processes of a container may
// kill the command before init. So after such a status, wait a moment for the end of init.
bool NspawnMachine::ended_under(const machine::ExecResult& result, const Boot& boot) const {
    const auto& signs = {128 + SIGTERM, 128 + SIGKILL, ContainerShell::not_started};
    if (std::find(signs.begin(), signs.end(), result.status) == signs.end())
        return boot.init().has_ended();
    std::string init;
    std::getline(std::ifstream(fmt::format("/proc/{}/comm", boot.init().pid())), init);
    const bool shuts_down = init.starts_with("systemd-shutdow"); // the kernel keeps 15 characters
    return os::wait_readable({boot.init().exit_fd()},
                             Deadline::after(shuts_down ? shutdown_limit : kill_limit),
                             host().interrupt)
        .has_value();
}

void NspawnMachine::throw_gone(Running& running, const std::string& doing) {
    if (running.process.child().wait(Deadline::after(end_limit), host().interrupt))
        running.process.throw_died(doing);
    throw MachineError("machine '{}': the container restarted or shut down {}", name(), doing);
}

// Sends SIGTERM to the start script first, then kills init and with it its PID namespace. A start
// script that sees the container end before the signal might start it again, or be disturbed during
// its cleanup.
void NspawnMachine::end(machine::Run& run) noexcept {
    if (run.process.child().poll() || !announce_end(run))
        return;
    auto& running = static_cast<Running&>(run);
    const auto boot = running.boot.copy();
    if (boot && boot->journal)
        read_rest_of_journal(*boot);
    running.process.child().signal(SIGTERM);
    const auto init = boot ? std::nullopt : init_below(running.nspawn); // not looked up yet
    if (boot)
        boot->init().signal(SIGKILL);
    else if (init)
        os::OtherProcess(*init).signal(SIGKILL);
}

// Gives the start script time to clean up.
void NspawnMachine::kill(machine::Run& run) noexcept {
    end(run);
    if (!run.end_announced)
        return;
    run.process.wait_for_end(end_limit);
    if (!run.process.child().poll()) {
        log(fmt::format("its start script (pid {}) cleans up", run.process.child().pid()));
        run.process.wait_for_end(clean_up_limit);
    }
    run.process.stop();
}

void NspawnMachine::ended(machine::Run& run) noexcept {
    auto& running = static_cast<Running&>(run);
    running.notices.end();
    running.cgroup.reset();
}

// After connect() there is a boot, unless another thread has restarted the container.
std::shared_ptr<NspawnMachine::Boot> NspawnMachine::boot_of(Running& running) const {
    auto boot = running.boot.copy();
    if (!boot)
        throw MachineError("machine '{}': the container was restarted by another thread", name());
    return boot;
}

pid_t NspawnMachine::init() {
    connect();
    return boot_of(*running())->init().pid();
}

void NspawnMachine::shutdown() {
    if (!booted)
        return;
    const auto result = run_command("poweroff", poweroff_limit, {}, AtItsEnd::result);
    if (result.status != 0 && is_up())
        throw MachineError("machine '{}': `poweroff` failed (exit code {}): {}", name(),
                           result.status, trim_right(result.output));
    wait_for_shutdown();
}

} // namespace ntd::nspawn
