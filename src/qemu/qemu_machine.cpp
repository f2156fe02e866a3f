#include <ntd/qemu/qemu_machine.h>

#include <ntd/base/error.h>
#include <ntd/base/scope_exit.h>
#include <ntd/base/text.h>
#include <ntd/os/unix_socket.h>
#include <ntd/os/wait.h>
#include <ntd/proto/shell_codec.h>
#include <ntd/qemu/start_command.h>
#include <ntd/trace/trace.h>

namespace ntd::qemu {

namespace {

using namespace std::chrono_literals;

constexpr machine::KindOfMachine kind{
    .class_name = "QemuMachine", .what = "vm", .whole = "the VM", .inside = "the guest"};

} // namespace

// Only we and QEMU can connect to these: no other user can enter the state directory.
struct QemuMachine::Listeners {
    explicit Listeners(const QemuMachine& machine)
        : monitor(machine.monitor_path()), shell(machine.shell_path()), port(machine.port_path()) {}

    os::UnixListener monitor;
    os::UnixListener shell;
    os::UnixListener port;
};

QemuMachine::QemuMachine(const machine::Host& host, machine::MachineOptions options)
    : machine::Machine(host, std::move(options), kind),
      shell_turn_(fmt::format("the shell of machine '{}'", name())) {}

QemuMachine::~QemuMachine() {
    release();
}

std::shared_ptr<QemuMachine::Running> QemuMachine::running() const {
    return std::static_pointer_cast<Running>(run());
}

std::shared_ptr<machine::Run> QemuMachine::launch(bool allow_reboot) {
    for (const auto& socket : {monitor_path(), shell_path(), port_path(), qmp_path(), vnc_path()})
        host().guard.add_file(socket); // remains if QEMU or the driver is killed
    Listeners listeners(*this);
    if (vsock_)
        vsock_->wait_until_free(name());
    auto running = std::make_shared<Running>(start_spec(allow_reboot), name(), console(), host());
    begin(running);
    take_connections(*running, listeners);
    log(fmt::format("QEMU running (pid {})", running->process.child().pid()));
    if (host().vnc)
        log(fmt::format("its screen: vncviewer {}", vnc_path()));
    return running;
}

os::ProcessSpec QemuMachine::start_spec(bool allow_reboot) const {
    auto environment = start_environment(host().environment(), state_dir.string(),
                                         shared_dir.string(), efi_vars_path());
    const auto* vsock = vsock_sockets();
    const QemuSockets sockets{.qmp = qmp_path(),
                              .monitor = monitor_path(),
                              .shell = shell_path(),
                              .port = port_path(),
                              .vnc = host().vnc ? vnc_path() : "",
                              .vsock = vsock != nullptr ? vsock->guest.string() : ""};
    const auto arguments =
        qemu_arguments(sockets, allow_reboot ? Reboot::restarts_guest : Reboot::ends_qemu,
                       display_of(environment));
    return {
        .argv = {"/bin/sh", "-c", start_command_line(start_command(), arguments)},
        .environment = std::move(environment),
        .directory = state_dir,
    };
}

// Accepts QEMU's connection, within start_timeout. Fails at once if the start script ends.
UniqueFd QemuMachine::accept_from(os::UnixListener& listener,
                                  machine::MachineProcess& process,
                                  std::string_view what) const {
    const auto deadline = Deadline::after(host().start_timeout);
    const auto doing = fmt::format("before it connected to its {}", what);
    const auto begin = Deadline::Clock::now();
    while (!process.wait_for(listener.fd(), sooner(deadline, Deadline::after(progress_interval)),
                             doing)) {
        const machine::Seconds waited = Deadline::Clock::now() - begin;
        if (deadline.passed())
            throw MachineError("machine '{}': QEMU did not connect to its {} within {:.0f} seconds "
                               "(does the start script pass its arguments on to QEMU?); {}",
                               name(), what, waited.count(), process.console().last_output());
        log(fmt::format("still waiting for QEMU to connect to its {} ({:.0f} s)", what,
                        waited.count()));
    }
    auto connection = listener.accept();
    trace::debug(trace::Category::qemu, "{}: QEMU has connected to its {}", name(), what);
    process.adopt_peer(connection.get());
    return connection;
}

void QemuMachine::take_connections(Running& running, Listeners& listeners) {
    auto& process = running.process;
    running.hmp = std::make_unique<HmpClient>(
        name(), accept_from(listeners.monitor, process, "monitor"), process, host());
    os::ByteStream line(accept_from(listeners.shell, process, "shell channel"));
    running.guest = std::make_unique<machine::GuestShell>(name(), std::move(line), process, host());
    connect_qmp(running);
    // QEMU has already connected to the port, unless the start script drops arguments that it does
    // not know.
    running.guest->attach_port(os::ByteStream(listeners.port.accept_ready()));
    if (vsock_)
        vsock_->take(name());
    else // vsock shells prepare themselves in parallel anyway
        running.guest->listen_ahead();
}

const vsock::VsockSockets* QemuMachine::vsock_sockets() const {
    return vsock_ ? &vsock_->sockets().at(name()) : nullptr;
}

void QemuMachine::connect_qmp(Running& running) {
    try {
        running.qmp = std::make_unique<QmpClient>(
            qmp_path(), running.process.exit_fd(), host(),
            [this, &running](const proto::QmpMessage& event) { on_event(running, event); },
            Deadline::after(host().start_timeout));
        running.process.adopt_peer(running.qmp->fd()); // QEMU itself, not a proxy of it
    } catch (const Error& error) {
        running.process.check_ending("before it answered on its QMP socket");
        throw MachineError("machine '{}': {}; {}", name(), error.what(), console().last_output());
    }
}

// Runs on the I/O thread.
void QemuMachine::on_event(Running& running, const proto::QmpMessage& event) {
    trace::debug(trace::Category::qemu, "{}: event {}", name(), event.event);
    // The greeting of the boot that a reset begins may arrive before the RESET event.
    if (event.event == "RESET" && !running.guest->has_greeted_since(proto::qmp_time(event))) {
        resets_.with([&](unsigned& resets) {
            ++resets;
            lost();
        });
        trace::info(trace::Category::qemu, "{}: lost, by a reset", name());
        host().log.write(name(), log::Life{log::Life::What::reset});
        running.guest->reset();
        if (const auto shells = running.shells.copy())
            shells->reset();
    } else if (const auto open = proto::qmp_port_is_open(event, proto::port_id)) {
        running.guest->port_changed(*open);
    }
    console().changed().notify(); // wakes waits: their condition may be true now
}

void QemuMachine::connect() {
    if (connected)
        return;
    const machine::WaitLimit::Pause booting; // the boot has its own time limit
    start(false);
    const auto turn = shell_turn_.take(Deadline::never(), host().interrupt);
    const auto limit = host().boot_limit ? host().boot_limit : host().habits.boot_limit;
    const auto deadline = limit ? Deadline::after(*limit) : Deadline::never();
    while (!connected)
        connect_shell(*running(), deadline);
}

// Leaves `connected` false if the guest is reset during this call.
void QemuMachine::connect_shell(Running& running, Deadline deadline) {
    const auto scope = waiting_for_boot();
    const auto begin = Deadline::Clock::now();
    // The greeting may have arrived before this call: after an interrupted connect(), or after the
    // guest started a new shell.
    const bool has_greeted_ahead = running.guest->take_over();
    if (!running.guest->has_greeted())
        wait_for_greeting(running, deadline);
    else if (has_greeted_ahead)
        say_greeting(running);
    // If the guest has just been reset, this answer arrives after the RESET event.
    ask_qmp("query-status", "", Deadline::after(host().silence), "while the guest was booting");
    const auto before = resets_.copy();
    running.guest->expect_another();
    choose_channel(running);
    log_connected(begin);
    running.guest->forget_greeting();
    resets_.with([&](unsigned now) {
        if (now == before)
            connected = true;
    });
}

void QemuMachine::wait_for_greeting(Running& running, Deadline deadline) {
    os::Broadcast::Listener changed(console().changed());
    auto hint = Deadline::after(hint_interval);
    while (!running.guest->listen("while the guest was booting")) {
        check_boot(running, deadline);
        const auto until = sooner(deadline, sooner(hint, Deadline::after(host().boot_silence)));
        const auto ready =
            os::wait_readable({running.guest->line_fd(), running.process.exit_fd(), changed.fd()},
                              until, host().interrupt);
        if (ready == 1U)
            running.process.throw_died("while the guest was booting");
        if (ready == 2U)
            changed.reset();
        if (hint.passed()) {
            log("the guest's root shell has said nothing yet; if it takes too long, look at the "
                "console for backdoor.service");
            hint = Deadline::after(hint_interval);
        }
    }
    say_greeting(running);
}

void QemuMachine::say_greeting(const Running& running) const {
    log("Guest shell says: " + python_literal(running.guest->greeting()));
}

// Throws if this boot cannot succeed any more.
void QemuMachine::check_boot(Running& running, Deadline deadline) {
    check_dead_end();
    if (deadline.passed())
        throw MachineError(
            "machine '{}': the guest has opened no root shell in the time that it has for that; is "
            "backdoor.service enabled in it? NTD_BOOT_TIMEOUT gives it more. QEMU (pid {}) still "
            "runs; {}",
            name(), running.process.child().pid(), console().last_output(30));
    if (const auto silence = too_long_silence())
        throw MachineError(
            "machine '{}': the guest opened no root shell, and its console has been "
            "silent for {:.0f} seconds; is backdoor.service enabled in it? QEMU (pid "
            "{}) still runs; {}",
            name(), silence->count(), running.process.child().pid(), console().last_output(30));
}

// Chooses where commands go: over the vsock if the guest offers one, else over the serial line.
void QemuMachine::choose_channel(Running& running) {
    const auto of_last_boot = running.shells.copy(); // see VsockShells::reset()
    std::shared_ptr<vsock::VsockShells> shells;
    if (vsock_ && host().backdoor != machine::Backdoor::virtconsole)
        shells = std::make_shared<vsock::VsockShells>(name(), vsock_, running.process, host());
    running.shells.with([&](auto& current) { current = shells; }); // so that a reset reaches them
    if (shells && shells->are_offered())
        return;
    running.shells.with([](auto& current) { current = nullptr; });
    prepare_line(running);
}

void QemuMachine::prepare_line(Running& running) const {
    if (!running.guest->is_ready())
        running.guest->set_up();
}

machine::ExecResult QemuMachine::with_shell(Deadline deadline, const vsock::VsockShells::Use& use) {
    connect();
    const auto current = running();
    if (const auto shells = current->shells.copy()) {
        if (auto result = shells->with_shell(deadline, use))
            return *std::move(result);
        current->shells.with([](auto& none) { none = nullptr; });
    }
    return with_line(deadline, use);
}

// Runs `use` with the serial line's shell. Copies always use it, because its virtio port is faster
// than a vsock.
machine::ExecResult QemuMachine::with_line(Deadline deadline, const vsock::VsockShells::Use& use) {
    for (;;) {
        connect();
        const auto turn = shell_turn_.take(deadline, host().interrupt);
        if (!connected) // reset or disconnected while we waited for our turn
            continue;
        const auto current = running();
        const ScopeExit look([&] {
            if (!current->guest->is_ready())
                connected = false;
        });
        prepare_line(*current);
        try {
            return use(*current->guest);
        } catch (const machine::CommandNotGiven&) { // retry it in the next shell
            if (deadline.passed())
                throw;
        }
    }
}

machine::ExecResult QemuMachine::execute(const std::string& command,
                                         const machine::ExecuteOptions& options) {
    if (before_command)
        before_command();
    connect(); // not within the command's time limit
    const auto deadline = machine::deadline_of(options.timeout);
    const auto hurry = options.hurry.empty()
                           ? std::nullopt
                           : std::optional(machine::Hurry{options.hurry, &shell_turn_});
    const auto run = [&](machine::GuestShell& shell) -> machine::ExecResult {
        if (options.check_output)
            return shell.run(command, deadline,
                             {.input = {},
                              .sink = {},
                              .simple = options.simple,
                              .may_end_shell = !options.check_return,
                              .hurry = hurry});
        shell.detach(command, deadline);
        return {-2, ""};
    };
    auto result =
        commands().watch(command, whose(options), [&] { return with_shell(deadline, run); });
    if (result.timed_out)
        machine::WaitLimit::note_deadline_reached(deadline);
    if (options.check_output && !options.check_return)
        result.status = -1;
    return result;
}

machine::ExecResult QemuMachine::transfer(const std::string& command,
                                          std::optional<std::string_view> input,
                                          int output) {
    const auto deadline = machine::deadline_of(std::nullopt);
    return with_line(deadline, [&](machine::GuestShell& shell) {
        const auto sink =
            output < 0 ? machine::OutputSink() : machine::sink_to(output, host().interrupt);
        return shell.run(command, deadline, {input, sink});
    });
}

machine::ExecResult QemuMachine::store(const std::string& file, std::string_view bytes) {
    const auto deadline = machine::deadline_of(std::nullopt);
    return with_line(
        deadline, [&](machine::GuestShell& shell) { return shell.store(file, bytes, deadline); });
}

void QemuMachine::shutdown() {
    if (!booted)
        return;
    const auto deadline = machine::deadline_of(std::nullopt);
    with_shell(deadline, [&](machine::GuestShell& shell) -> machine::ExecResult {
        shell.detach("poweroff", deadline);
        return {};
    });
    wait_for_shutdown();
}

void QemuMachine::crash() {
    if (!booted)
        return;
    log("forced crash");
    send_monitor_command("quit");
    wait_for_shutdown();
}

void QemuMachine::reboot() {
    send_key("ctrl-alt-delete", machine::Seconds(0.01), true);
    lost();
}

// Throws if the guest can never power off: QEMU does not answer, or the guest stays paused.
void QemuMachine::check_alive(machine::Run& run, machine::Seconds waited) {
    auto& running = static_cast<Running&>(run);
    std::string status;
    try {
        status = running.qmp->send("query-status", "", Deadline::after(host().silence));
    } catch (const TimeoutError&) {
        throw MachineError("machine '{}': QEMU (pid {}) has not answered for {:g} seconds while "
                           "it was to power off; has it been stopped?",
                           name(), running.process.child().pid(), host().silence.count());
    } catch (const MachineError&) {
        running.process.wait_for_end(host().silence); // QEMU closes QMP before it ends
        return;
    }
    const bool paused = status.find("\"paused\"") != status.npos;
    if (paused && waited > host().silence)
        throw MachineError(
            "machine '{}': the guest has been paused for {:.0f} seconds while it was "
            "to power off; has the script stopped it?",
            name(), waited.count());
    log(fmt::format("still waiting for the VM to power off ({:.0f} s){}", waited.count(),
                    paused ? "; it is paused" : ""));
}

} // namespace ntd::qemu
