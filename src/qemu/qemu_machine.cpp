#include <ntd/qemu/qemu_machine.h>

#include <ntd/base/error.h>
#include <ntd/base/scope_exit.h>
#include <ntd/base/text.h>
#include <ntd/machine/retry.h>
#include <ntd/os/unix_socket.h>
#include <ntd/os/wait.h>
#include <ntd/proto/keymap.h>
#include <ntd/proto/shell_codec.h>
#include <ntd/qemu/start_command.h>

#include <fcntl.h>

#include <algorithm>
#include <csignal>

namespace ntd::qemu {

namespace {

using namespace std::chrono_literals;

constexpr auto progress_interval = 10s; // while a start script prepares
constexpr auto hint_interval = 30s;     // while a guest boots
constexpr auto alive_interval = 10s;    // while QEMU is to end
constexpr auto check_interval = 1s;     // of polling conditions, while no command is given

// A stream of bytes as Python writes it: b'...'.
std::string bytes_literal(std::string_view bytes) {
    std::string text = "b'";
    for (const char c : bytes) {
        if (c == '\n')
            text += "\\n";
        else if (c == '\r')
            text += "\\r";
        else if (c == '\\' || c == '\'')
            text += fmt::format("\\{}", c);
        else if (c >= 0x20 && c < 0x7F)
            text += c;
        else
            text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
    return text + "'";
}

// Behind the line that the character before `position` is in.
std::size_t end_of_line(std::string_view text, std::size_t position) {
    const auto newline = text.find('\n', position > 0 ? position - 1 : 0);
    return newline == text.npos ? text.size() : newline + 1;
}

Deadline pause_after_look(Deadline::Clock::time_point tried) {
    const machine::Seconds took = Deadline::Clock::now() - tried;
    return Deadline::after(
        took < 1ms ? 0s : std::min<machine::Seconds>(machine::pause_per_try * took, 1s));
}

// Accepts QEMU's connection; a start script may take its time, but not fail.
UniqueFd accept_from(os::UnixListener& listener,
                     machine::MachineProcess& process,
                     const machine::Machine& machine,
                     std::string_view what) {
    const auto deadline = Deadline::after(machine.host().start_timeout);
    const auto doing = fmt::format("before it connected to its {}", what);
    const auto begin = Deadline::Clock::now();
    while (!process.wait_for(listener.fd(), sooner(deadline, Deadline::after(progress_interval)),
                             doing)) {
        const machine::Seconds waited = Deadline::Clock::now() - begin;
        if (deadline.passed())
            throw MachineError("machine '{}': QEMU did not connect to its {} within {:.0f} seconds "
                               "(does the start script pass its arguments on to QEMU?); {}",
                               machine.name(), what, waited.count(),
                               process.console().last_output());
        machine.log(fmt::format("still waiting for QEMU to connect to its {} ({:.0f} s)", what,
                                waited.count()));
    }
    auto connection = listener.accept();
    process.adopt_peer(connection.get());
    return connection;
}

} // namespace

QemuMachine::QemuMachine(const machine::Host& host,
                         machine::MachineOptions options,
                         std::string start_command)
    : machine::Machine(host, std::move(options)), start_command_(std::move(start_command)),
      start_turn_(fmt::format("the start of machine '{}'", name())),
      shell_turn_(fmt::format("the shell of machine '{}'", name())) {}

QemuMachine::~QemuMachine() {
    QemuMachine::release();
}

std::shared_ptr<QemuMachine::Running> QemuMachine::running() const {
    auto running = running_.copy();
    if (!running)
        throw MachineError("machine '{}' is not running: start() it first", name());
    return running;
}

void QemuMachine::throw_if_ended(std::string_view doing) {
    const auto running = running_.copy();
    if (running && running->process.child().poll())
        running->process.throw_died(doing);
}

machine::SharedFd QemuMachine::exit_fd() const {
    const auto running = running_.copy();
    return running ? machine::SharedFd(running, &running->process.child().pidfd()) : nullptr;
}

void QemuMachine::start(bool allow_reboot) {
    const auto turn = start_turn_.take(Deadline::never(), host().interrupt);
    if (booted)
        return;
    log("starting vm");
    make_directories();
    console_.clear();
    auto running = launch(allow_reboot);
    log(fmt::format("QEMU running (pid {})", running->process.child().pid()));
    if (host().vnc)
        log(fmt::format("its screen: vncviewer {}", vnc_path()));
    running_.with([&](auto& current) { current.swap(running); });
    connected = false;
    booted = true;
}

std::shared_ptr<QemuMachine::Running> QemuMachine::launch(bool allow_reboot) {
    for (const auto& socket : {monitor_path(), shell_path(), port_path(), qmp_path(), vnc_path()})
        host().guard.add_file(socket); // left when QEMU, or we, are killed
    // Only we and QEMU connect to them: nobody else gets at the state directory.
    os::UnixListener monitor(monitor_path());
    os::UnixListener shell(shell_path());
    os::UnixListener port(port_path());
    if (vsock_)
        vsock_->wait_until_free(name());
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
    const os::ProcessSpec spec{
        .argv = {"/bin/sh", "-c", start_command_line(start_command_, arguments)},
        .environment = std::move(environment),
        .directory = state_dir,
    };
    auto running = std::make_shared<Running>(spec, name(), console_, host());
    auto& process = running->process;
    starting_.with([&](auto& starting) { starting = running; });
    check_start();
    running->hmp = std::make_unique<HmpClient>(
        name(), accept_from(monitor, process, *this, "monitor"), process, host());
    os::ByteStream line(accept_from(shell, process, *this, "shell channel"));
    running->guest =
        std::make_unique<machine::GuestShell>(name(), std::move(line), process, host());
    connect_qmp(*running);
    // QEMU has connected by now, unless the start script leaves out what it does not know.
    running->guest->attach_port(os::ByteStream(port.accept_ready()));
    if (vsock_)
        vsock_->take(name());
    else // that has shells that get ready at the same time anyway
        running->guest->listen_ahead();
    return running;
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
        running.process.adopt_peer(running.qmp->fd()); // QEMU, whoever else passes bytes on for it
    } catch (const Error& error) {
        running.process.check_ending("before it answered on its QMP socket");
        throw MachineError("machine '{}': {}; {}", name(), error.what(), console_.last_output());
    }
}

// On the I/O thread.
void QemuMachine::on_event(Running& running, const proto::QmpMessage& event) {
    // The greeting of the boot that a reset begins may be here before word of the reset.
    if (event.event == "RESET" && !running.guest->has_greeted_since(proto::qmp_time(event))) {
        resets_.with([&](unsigned& resets) {
            ++resets;
            connected = false;
        });
        running.guest->reset();
        if (const auto shells = running.shells.copy())
            shells->reset();
    } else if (const auto open = proto::qmp_port_is_open(event, proto::port_id)) {
        running.guest->port_changed(*open);
    }
    console_.changed().notify(); // what a script waits for may have happened
}

void QemuMachine::connect() {
    if (connected)
        return;
    const machine::WaitLimit::Pause booting; // takes its own time
    start(false);
    const auto turn = shell_turn_.take(Deadline::never(), host().interrupt);
    const auto limit = host().boot_limit ? host().boot_limit : host().habits.boot_limit;
    const auto deadline = limit ? Deadline::after(*limit) : Deadline::never();
    while (!connected)
        connect_shell(*running(), deadline);
}

// The end of the connection is that of QEMU, as a rule: then it says how that has ended.
template <typename Use>
auto QemuMachine::with_qmp(const std::string& doing, Use use) {
    const auto current = running();
    try {
        return use(*current->qmp);
    } catch (MachineError& error) {
        current->process.check_ending(doing);
        error.add_context(fmt::format("machine '{}'", name()));
        throw;
    }
}

// Leaves `connected` false if the guest is reset meanwhile.
void QemuMachine::connect_shell(Running& running, Deadline deadline) {
    const log::Scope scope(host().log, log::ScopeKind::nested, name(),
                           "waiting for the VM to finish booting");
    const auto begin = Deadline::Clock::now();
    // It may have before this call: an interrupt came then, or it is a new shell.
    const bool has_greeted_ahead = running.guest->take_over();
    if (!running.guest->has_greeted())
        wait_for_greeting(running, deadline);
    else if (has_greeted_ahead)
        say_greeting(running);
    // Its answer comes behind the event of the reset that the guest has just come back from.
    with_qmp("while the guest was booting", [this](QmpClient& qmp) {
        qmp.send("query-status", "", Deadline::after(host().silence));
    });
    const auto before = resets_.copy();
    running.guest->expect_another();
    choose_channel(running);
    const machine::Seconds took = Deadline::Clock::now() - begin;
    log("connected to guest root shell");
    log(fmt::format("(connecting took {:.2f} seconds)", took.count()));
    running.guest->forget_greeting();
    resets_.with([&](unsigned now) {
        if (now == before)
            connected = true;
    });
}

void QemuMachine::wait_for_greeting(Running& running, Deadline deadline) {
    os::Broadcast::Listener console(console_.changed());
    auto hint = Deadline::after(hint_interval);
    while (!running.guest->listen("while the guest was booting")) {
        check_boot(running, deadline);
        const auto until = sooner(deadline, sooner(hint, Deadline::after(host().boot_silence)));
        const auto ready =
            os::wait_readable({running.guest->line_fd(), running.process.exit_fd(), console.fd()},
                              until, host().interrupt);
        if (ready == 1U)
            running.process.throw_died("while the guest was booting");
        if (ready == 2U)
            console.reset();
        if (hint.passed()) {
            log("the guest's root shell has said nothing yet; if it takes too long, look at the "
                "console for backdoor.service");
            hint = Deadline::after(hint_interval);
        }
    }
    say_greeting(running);
}

void QemuMachine::say_greeting(const Running& running) const {
    log("Guest shell says: " + bytes_literal(running.guest->greeting()));
}

// Throws when this boot will come to nothing.
void QemuMachine::check_boot(Running& running, Deadline deadline) {
    const auto dead_end = console_.dead_end();
    if (dead_end && !host().interactive)
        throw MachineError("machine '{}': the guest cannot boot: {}\n{}", name(), *dead_end,
                           console_.last_output(30));
    if (deadline.passed())
        throw MachineError(
            "machine '{}': the guest has opened no root shell in the time that it has for that; is "
            "backdoor.service enabled in it? NTD_BOOT_TIMEOUT gives it more. QEMU (pid {}) still "
            "runs; {}",
            name(), running.process.child().pid(), console_.last_output(30));
    const machine::Seconds silence = Deadline::Clock::now() - console_.last_activity();
    if (silence >= host().boot_silence)
        throw MachineError(
            "machine '{}': the guest opened no root shell, and its console has been "
            "silent for {:.0f} seconds; is backdoor.service enabled in it? QEMU (pid "
            "{}) still runs; {}",
            name(), silence.count(), running.process.child().pid(), console_.last_output(30));
}

// Over its vsock, if the guest offers that.
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

// Copies come here at once: beside the line there is a port, which is faster than a vsock.
machine::ExecResult QemuMachine::with_line(Deadline deadline, const vsock::VsockShells::Use& use) {
    for (;;) {
        connect();
        const auto turn = shell_turn_.take(deadline, host().interrupt);
        if (!connected) // a reset was faster, or whoever had the turn before
            continue;
        const auto current = running();
        const ScopeExit look([&] {
            if (!current->guest->is_ready())
                connected = false;
        });
        prepare_line(*current);
        try {
            return use(*current->guest);
        } catch (const machine::CommandNotGiven&) { // it runs in the shell that comes next
            if (deadline.passed())
                throw;
        }
    }
}

machine::ExecResult QemuMachine::execute(const std::string& command,
                                         const machine::ExecuteOptions& options) {
    if (before_command)
        before_command();
    connect(); // the time limit is the command's
    const auto deadline = machine::deadline_of(options.timeout);
    const auto hurry = options.hurry.empty()
                           ? std::nullopt
                           : std::optional(machine::Hurry{options.hurry, &shell_turn_});
    auto result = with_shell(deadline, [&](machine::GuestShell& shell) -> machine::ExecResult {
        if (options.check_output)
            return shell.run(command, deadline,
                             {.input = {},
                              .sink = {},
                              .simple = options.simple,
                              .may_end_shell = !options.check_return,
                              .hurry = hurry});
        shell.detach(command, deadline);
        return {-2, ""};
    });
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

void QemuMachine::abort_start() noexcept {
    const auto starting = starting_.copy().lock();
    if (starting && starting != running_.copy())
        starting->process.stop();
}

void QemuMachine::close() noexcept {
    closed_ = true;
    const auto current = running_.copy();
    const auto starting = starting_.copy().lock();
    if (starting && starting != current)
        starting->process.signal(SIGTERM);
    if (!current || current->process.has_ended())
        return;
    announce_end(*current);
    current->process.signal(SIGTERM);
}

void QemuMachine::release() noexcept {
    try {
        abort_start();
        const auto current = running_.copy();
        if (current && !current->process.has_ended())
            announce_end(*current);
        // Also if the child has ended since: a shell may leave a QEMU that has disks to write.
        if (current && current->end_announced)
            current->process.stop();
        forget_process();
        take_back_directories();
    } catch (const std::exception& error) {
        host().log.line(name(), log::Level::error, error.what());
    }
}

void QemuMachine::announce_end(Running& running) const {
    if (!running.end_announced.exchange(true))
        log_kill("QemuMachine", running.process.child().pid());
}

void QemuMachine::forget_process() {
    booted = false;
    connected = false;
    // What is destroyed with it waits for the I/O thread: not under the lock.
    const auto current = running_.with([](auto& running) { return std::exchange(running, {}); });
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

void QemuMachine::wait_for_shutdown() {
    if (!booted)
        return;
    const log::Scope scope(host().log, log::ScopeKind::nested, name(),
                           "waiting for the VM to power off");
    const auto current = running();
    const auto begin = Deadline::Clock::now();
    const auto interval = std::min<machine::Seconds>(alive_interval, host().silence);
    while (!current->process.child().wait(Deadline::after(interval), host().interrupt))
        check_alive(*current, Deadline::Clock::now() - begin);
    current->process.wait_for_last_output();
    forget_process();
}

// A guest may take any time to power off, but not one that does not run.
void QemuMachine::check_alive(Running& running, machine::Seconds waited) {
    std::string status;
    try {
        status = running.qmp->send("query-status", "", Deadline::after(host().silence));
    } catch (const TimeoutError&) {
        throw MachineError("machine '{}': QEMU (pid {}) has not answered for {:g} seconds while "
                           "it was to power off; has it been stopped?",
                           name(), running.process.child().pid(), host().silence.count());
    } catch (const MachineError&) {
        running.process.wait_for_end(host().silence); // its connections end first
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

void QemuMachine::reboot() {
    send_key("ctrl-alt-delete", machine::Seconds(0.01), true);
    connected = false;
}

std::string QemuMachine::send_monitor_command(const std::string& command) {
    if (before_command)
        before_command();
    return running()->hmp->execute(command, machine::deadline_of(host().silence));
}

std::string QemuMachine::wait_for_monitor_prompt() {
    return running()->hmp->wait_for_prompt(machine::deadline_of(host().silence));
}

std::string QemuMachine::send_qmp(const std::string& command, const std::string& arguments) {
    return with_qmp(fmt::format("before it answered the QMP command '{}'", command),
                    [&](QmpClient& qmp) {
                        return qmp.send(command, arguments, machine::deadline_of(host().silence));
                    });
}

std::optional<std::string> QemuMachine::next_qmp_event(machine::Timeout timeout) {
    const auto deadline = machine::deadline_of(timeout);
    return with_qmp("while a QMP event was awaited", [&](QmpClient& qmp) {
        for (;;) {
            const auto check = Deadline::after(check_interval);
            auto event = qmp.next_event(sooner(deadline, check));
            if (event || deadline.passed())
                return event;
            if (before_command)
                before_command();
        }
    });
}

void QemuMachine::send_key(const std::string& key, machine::Seconds delay, bool with_log) {
    std::optional<log::Scope> scope;
    if (with_log)
        scope.emplace(host().log, log::ScopeKind::nested, name(),
                      fmt::format("sending key {}", printable(key)));
    const auto key_name = proto::key_name(key);
    // "unknown key: 'x'", or "invalid parameter: x" in older releases. Scripts go on, as ever.
    const auto refused = [](const std::string& answer) {
        return answer.find("unknown key") != answer.npos ||
               answer.find("invalid param") != answer.npos;
    };
    if (!key_name || refused(send_monitor_command("sendkey " + *key_name)))
        host().log.line(name(), log::Level::warning,
                        fmt::format("QEMU has no key '{}'; nothing was pressed", printable(key)));
    const auto exit = exit_fd();
    os::wait_readable({machine::number_of(exit)}, Deadline::after(delay), host().interrupt);
}

void QemuMachine::send_chars(const std::string& characters, machine::Seconds delay) {
    const log::Scope scope(host().log, log::ScopeKind::nested, name(),
                           fmt::format("sending keys {}", bytes_literal(characters)));
    for (const auto character : utf8_characters(characters))
        send_key(std::string(character), delay, false);
}

void QemuMachine::send_console(const std::string& characters) {
    running()->process.write_console(characters, machine::deadline_of(host().silence));
}

void QemuMachine::tap_console(int fd) {
    UniqueFd own(fd < 0 ? -1 : ::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (fd >= 0 && !own)
        throw_errno("duplicate descriptor {}", fd);
    running()->process.tap_console(std::move(own));
}

bool QemuMachine::wait_for_console(const Look& look,
                                   Match match,
                                   machine::Timeout timeout,
                                   std::size_t most) {
    const auto deadline = machine::deadline_of(timeout);
    os::Broadcast::Listener changed(console_.changed());
    std::size_t looked_at = 0; // no match begins before it
    bool ended = false;        // QEMU has; a process that it left may keep the console open
    std::optional<std::size_t> last_look_to; // after the time limit: what comes then does not count
    auto check = Deadline::after(check_interval);
    for (;;) {
        changed.reset();
        if (deadline.passed() && !last_look_to)
            last_look_to = console_.size();
        const bool closed = ended || console_.closed(); // before the text: it may end in between
        if (looked_at > console_.size())
            looked_at = 0; // the console of a new start
        const auto part = console_.part(std::max(console_.consumed(), looked_at), most);
        const auto exit = exit_fd();
        const auto tried = Deadline::Clock::now();
        if (const auto end = look(part.text)) {
            console_.consume_to(part.begin + end_of_line(part.text, *end));
            return true;
        }
        if (closed && !part.more)
            running()->process.throw_died("while text was awaited on its console");
        if (last_look_to && (!part.more || part.begin + part.text.size() >= *last_look_to))
            return false;
        if (match == Match::within_lines) // the last one may be unfinished
            looked_at = part.begin + part.text.rfind('\n') + 1;
        else if (part.more)
            looked_at = part.begin + end_of_line(part.text, part.text.size() / 2);
        else // looking at much text, again and again, must not be all that we do
            os::wait_readable({machine::number_of(exit)}, sooner(deadline, pause_after_look(tried)),
                              host().interrupt);
        if (check.passed() && before_command) {
            before_command();
            check = Deadline::after(check_interval);
        }
        const auto until = part.more ? Deadline::after(0s) : sooner(deadline, check);
        const auto ready =
            os::wait_readable({changed.fd(), machine::number_of(exit)}, until, host().interrupt);
        if (ready == 1U && !part.more) {
            running()->process.wait_for_last_output();
            ended = true;
        }
    }
}

void QemuMachine::wait_for_console_end(machine::Timeout timeout) {
    const auto deadline = machine::deadline_of(timeout);
    os::Broadcast::Listener changed(console_.changed());
    while (!console_.closed() && os::wait_readable({changed.fd()}, deadline, host().interrupt))
        changed.reset();
}

// A command of the monitor to which QEMU has something to say only if it does not obey.
void QemuMachine::demand(const std::string& command) {
    const auto refusal = proto::hmp_words(send_monitor_command(command));
    if (!refusal.empty())
        throw MachineError("machine '{}': QEMU refused the monitor command '{}': {}", name(),
                           command, printable(refusal));
}

void QemuMachine::forward_port(int host_port, int guest_port) {
    demand(fmt::format("hostfwd_add tcp::{}-:{}", host_port, guest_port));
}

std::vector<proto::VdeCable> QemuMachine::vde_cables() {
    return proto::hmp_vde_cables(
        running()->hmp->execute("info network", machine::deadline_of(host().silence)));
}

void QemuMachine::set_link(const std::string& name, Link link) {
    demand(fmt::format("set_link {} {}", name, link == Link::on ? "on" : "off"));
}

// That of the first VLAN; of a network that is none, QEMU's own name for the second card: the user
// network's comes before it.
std::string QemuMachine::first_card() {
    for (const auto& cable : vde_cables())
        if (!cable.card.empty())
            return cable.card;
    return "virtio-net-pci.1";
}

void QemuMachine::block() {
    set_link(first_card(), Link::off);
}

void QemuMachine::unblock() {
    set_link(first_card(), Link::on);
}

} // namespace ntd::qemu
