#include <ntd/vm/qemu_machine.h>

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/os/unix_socket.h>
#include <ntd/os/wait.h>
#include <ntd/proto/keymap.h>
#include <ntd/proto/shell_codec.h>
#include <ntd/vm/retry.h>
#include <ntd/vm/start_command.h>

#include <fcntl.h>

#include <algorithm>
#include <csignal>

namespace ntd::vm {

namespace {

using namespace std::chrono_literals;

constexpr auto progress_interval = 10s; // while a start script prepares
constexpr auto hint_interval = 30s;     // while a guest boots
constexpr auto monitor_limit = 300s;    // QEMU answers at once, unless it is starved

// A stream of bytes as Python writes it: b'...'.
// Of what a guest says before its greeting, so much is kept.
constexpr std::size_t most_heard = 4096;

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
    const Seconds took = Deadline::Clock::now() - tried;
    return Deadline::after(took < 1ms ? 0s : std::min<Seconds>(pause_per_try * took, 1s));
}

// Accepts QEMU's connection; a start script may take its time, but not fail.
UniqueFd accept_from(os::UnixListener& listener,
                     MachineProcess& process,
                     const Machine& machine,
                     std::string_view what) {
    const auto deadline = Deadline::after(machine.host().start_timeout);
    const auto doing = fmt::format("before it connected to its {}", what);
    const auto begin = Deadline::Clock::now();
    while (!process.wait_for(listener.fd(), sooner(deadline, Deadline::after(progress_interval)),
                             doing)) {
        const Seconds waited = Deadline::Clock::now() - begin;
        if (deadline.passed())
            throw MachineError(
                "machine '{}': QEMU did not connect to its {} within {:.0f} seconds; "
                "does the start script pass its arguments on to QEMU? Its last "
                "output was:\n{}",
                machine.name(), what, waited.count(), process.console().tail());
        machine.log(fmt::format("still waiting for QEMU to connect to its {} ({:.0f} s)", what,
                                waited.count()));
    }
    return listener.accept();
}

} // namespace

QemuMachine::QemuMachine(const Host& host, MachineOptions options, std::string start_command)
    : Machine(host, std::move(options)), start_command_(std::move(start_command)),
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

int QemuMachine::exit_fd() const {
    const auto running = running_.copy();
    return running ? running->process.exit_fd() : -1;
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
    running_.with([&](auto& current) { current = std::move(running); });
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
    auto environment =
        start_environment(host().environment(), state_dir.string(), shared_dir.string());
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
    if (closed_) // either we see this, or close() sees what we have started
        throw MachineError("machine '{}' is not started: the test is over", name());
    running->hmp = std::make_unique<HmpClient>(
        name(), accept_from(monitor, process, *this, "monitor"), process, host());
    os::ByteStream line(accept_from(shell, process, *this, "shell channel"));
    running->guest = std::make_unique<GuestShell>(name(), std::move(line), process, host());
    connect_qmp(*running);
    // QEMU has connected by now, unless the start script leaves out what it does not know.
    running->guest->attach_port(os::ByteStream(port.accept_ready()));
    if (vsock_)
        vsock_->take(name());
    return running;
}

const VsockSockets* QemuMachine::vsock_sockets() const {
    return vsock_ ? &vsock_->sockets().at(name()) : nullptr;
}

void QemuMachine::connect_qmp(Running& running) {
    const auto on_event = [this, &running](const std::string& event) {
        if (event == "RESET") {
            connected = false;
            running.greeted = false;
            running.guest->reset();
            if (const auto shells = running.shells.copy())
                shells->reset();
        }
        console_.changed().notify(); // what a script waits for may have happened
    };
    try {
        running.qmp = std::make_unique<QmpClient>(qmp_path(), running.process.exit_fd(), host(),
                                                  on_event, Deadline::after(host().start_timeout));
    } catch (const Error& error) {
        running.process.check_ending("before it answered on its QMP socket");
        throw MachineError("machine '{}': {}; its last output was:\n{}", name(), error.what(),
                           console_.tail());
    }
}

void QemuMachine::connect() {
    if (connected)
        return;
    start(false);
    const auto turn = shell_turn_.take(Deadline::never(), host().interrupt);
    if (connected)
        return;
    const log::Scope scope(host().log, log::ScopeKind::nested, name(),
                           "waiting for the VM to finish booting");
    const auto begin = Deadline::Clock::now();
    const auto current = running();
    if (!current->greeted) // an interrupt may have come between the greeting and the connection
        wait_for_greeting(*current);
    // Its answer comes behind the event of the reset that the guest has just come back from.
    current->qmp->send("query-status", "", Deadline::after(monitor_limit));
    current->line_is_ready = false;
    choose_channel(*current);
    const Seconds took = Deadline::Clock::now() - begin;
    log("connected to guest root shell");
    log(fmt::format("(connecting took {:.2f} seconds)", took.count()));
    current->greeted = false;
    connected = true;
}

void QemuMachine::wait_for_greeting(Running& running) {
    os::Broadcast::Listener console(console_.changed());
    auto& process = running.process;
    std::string heard; // the end of it
    auto hint = Deadline::after(hint_interval);
    while (heard.find(proto::shell_greeting) == heard.npos) {
        heard = tail(heard, most_heard);
        check_boot(running);
        const auto ready =
            os::wait_readable({running.guest->line().fd(), process.exit_fd(), console.fd()},
                              sooner(hint, Deadline::after(host().boot_silence)), host().interrupt);
        if (ready == 0U &&
            running.guest->line().read_ready(heard) == os::ByteStream::Outcome::closed)
            process.throw_died("while the guest was booting");
        if (ready == 1U)
            process.throw_died("while the guest was booting");
        if (ready == 2U)
            console.reset();
        if (hint.passed()) {
            log("the guest's root shell has said nothing yet; if it takes too long, look at the "
                "console for backdoor.service");
            hint = Deadline::after(hint_interval);
        }
    }
    log("Guest shell says: " + bytes_literal(tail(heard, most_heard)));
    running.greeted = true;
}

// Throws when this boot will come to nothing.
void QemuMachine::check_boot(Running& running) {
    const auto dead_end = console_.dead_end();
    if (dead_end && !host().interactive)
        throw MachineError("machine '{}': the guest cannot boot: {}\nits last output was:\n{}",
                           name(), *dead_end, console_.tail(30));
    const Seconds silence = Deadline::Clock::now() - console_.last_activity();
    if (silence >= host().boot_silence)
        throw MachineError(
            "machine '{}': the guest opened no root shell, and its console has been "
            "silent for {:.0f} seconds; is backdoor.service enabled in it? QEMU (pid "
            "{}) still runs; its last output was:\n{}",
            name(), silence.count(), running.process.child().pid(), console_.tail(30));
}

// Over its vsock, if the guest offers that.
void QemuMachine::choose_channel(Running& running) {
    const auto of_last_boot = running.shells.copy(); // see VsockShells::reset()
    std::shared_ptr<VsockShells> shells;
    if (vsock_ && host().backdoor != Backdoor::virtconsole)
        shells = std::make_shared<VsockShells>(name(), vsock_, running.process, host());
    running.shells.with([&](auto& current) { current = shells; }); // so that a reset reaches them
    if (shells && shells->are_offered())
        return;
    running.shells.with([](auto& current) { current = nullptr; });
    prepare_line(running);
}

void QemuMachine::prepare_line(Running& running) const {
    if (!running.line_is_ready)
        running.guest->set_up();
    running.line_is_ready = true;
}

ExecResult QemuMachine::with_shell(Deadline deadline, const VsockShells::Use& use) {
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
ExecResult QemuMachine::with_line(Deadline deadline, const VsockShells::Use& use) {
    connect();
    const auto turn = shell_turn_.take(deadline, host().interrupt);
    const auto current = running();
    prepare_line(*current);
    return use(*current->guest);
}

ExecResult QemuMachine::execute(const std::string& command, const ExecuteOptions& options) {
    if (before_command)
        before_command();
    connect(); // the time limit is the command's
    const auto deadline = deadline_of(options.timeout);
    auto result = with_shell(deadline, [&](GuestShell& shell) -> ExecResult {
        if (options.check_output)
            return shell.run(command, deadline,
                             {.input = {}, .sink = {}, .simple = options.simple});
        shell.detach(command);
        return {-2, ""};
    });
    if (options.check_output && !options.check_return)
        result.status = -1;
    return result;
}

ExecResult QemuMachine::transfer(const std::string& command,
                                 std::optional<std::string_view> input,
                                 int output) {
    return with_line(Deadline::never(), [&](GuestShell& shell) {
        const auto sink = output < 0 ? OutputSink() : sink_to(output, host().interrupt);
        return shell.run(command, Deadline::never(), {input, sink});
    });
}

ExecResult QemuMachine::store(const std::string& file, std::string_view bytes) {
    return with_line(Deadline::never(),
                     [&](GuestShell& shell) { return shell.store(file, bytes); });
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
        starting->process.child().signal_group(SIGTERM);
    if (!current || current->process.child().poll())
        return;
    announce_end(*current);
    current->process.child().signal_group(SIGTERM);
}

void QemuMachine::release() noexcept {
    try {
        abort_start();
        const auto current = running_.copy();
        if (current && !current->process.child().poll())
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
        log(fmt::format("kill machine (pid {})", running.process.child().pid()));
}

void QemuMachine::forget_process() {
    booted = false;
    connected = false;
    running_.with([](auto& current) { current.reset(); });
}

void QemuMachine::shutdown() {
    if (!booted)
        return;
    with_shell(Deadline::never(), [](GuestShell& shell) -> ExecResult {
        shell.detach("poweroff");
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
    current->process.child().wait(Deadline::never(), host().interrupt);
    current->process.wait_for_last_output();
    forget_process();
}

void QemuMachine::reboot() {
    send_key("ctrl-alt-delete", Seconds(0.01), true);
    connected = false;
}

std::string QemuMachine::send_monitor_command(const std::string& command) {
    return running()->hmp->execute(command, Deadline::after(monitor_limit));
}

std::string QemuMachine::wait_for_monitor_prompt() {
    return running()->hmp->wait_for_prompt(Deadline::after(monitor_limit));
}

// The end of the connection is that of QEMU, as a rule: then it says how that has ended.
template <typename Use>
auto QemuMachine::with_qmp(const std::string& doing, Use use) {
    const auto current = running();
    try {
        return use(*current->qmp);
    } catch (const MachineError&) {
        current->process.check_ending(doing);
        throw;
    }
}

std::string QemuMachine::send_qmp(const std::string& command, const std::string& arguments) {
    return with_qmp(fmt::format("before it answered the QMP command '{}'", command),
                    [&](QmpClient& qmp) {
                        return qmp.send(command, arguments, Deadline::after(monitor_limit));
                    });
}

std::optional<std::string> QemuMachine::next_qmp_event(Timeout timeout) {
    return with_qmp("while a QMP event was awaited",
                    [&](QmpClient& qmp) { return qmp.next_event(deadline_of(timeout)); });
}

void QemuMachine::send_key(const std::string& key, Seconds delay, bool with_log) {
    std::optional<log::Scope> scope;
    if (with_log)
        scope.emplace(host().log, log::ScopeKind::nested, name(),
                      fmt::format("sending key {}", printable(key)));
    const auto answer = send_monitor_command("sendkey " + proto::key_name(key));
    // "unknown key: 'x'", or "invalid parameter: x" in older releases. Scripts go on, as ever.
    if (answer.find("unknown key") != answer.npos || answer.find("invalid param") != answer.npos)
        host().log.line(name(), log::Level::warning,
                        fmt::format("QEMU has no key '{}'; nothing was pressed", printable(key)));
    os::wait_readable({exit_fd()}, Deadline::after(delay), host().interrupt);
}

void QemuMachine::send_chars(const std::string& characters, Seconds delay) {
    const log::Scope scope(host().log, log::ScopeKind::nested, name(),
                           fmt::format("sending keys {}", bytes_literal(characters)));
    for (const char c : characters)
        send_key(std::string(1, c), delay, false);
}

void QemuMachine::send_console(const std::string& characters) {
    running()->process.write_console(characters, Deadline::after(monitor_limit));
}

void QemuMachine::tap_console(int fd) {
    UniqueFd own(fd < 0 ? -1 : ::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (fd >= 0 && !own)
        throw_errno("duplicate descriptor {}", fd);
    running()->process.tap_console(std::move(own));
}

bool QemuMachine::wait_for_console(const Look& look,
                                   Match match,
                                   Timeout timeout,
                                   std::size_t most) {
    const auto deadline = deadline_of(timeout);
    os::Broadcast::Listener changed(console_.changed());
    std::size_t looked_at = 0; // no match begins before it
    bool ended = false;        // QEMU has; a process that it left may keep the console open
    std::optional<std::size_t> last_look_to; // after the time limit: what comes then does not count
    for (;;) {
        changed.reset();
        if (deadline.passed() && !last_look_to)
            last_look_to = console_.size();
        const bool closed = ended || console_.closed(); // before the text: it may end in between
        if (looked_at > console_.size())
            looked_at = 0; // the console of a new start
        const auto part = console_.part(std::max(console_.consumed(), looked_at), most);
        const auto tried = Deadline::Clock::now();
        if (const auto end = look(part.text)) {
            console_.consume_to(part.begin + end_of_line(part.text, *end));
            return true;
        }
        if (closed && !part.more)
            running()->process.throw_died("while text was awaited on its console");
        if (last_look_to && (!part.more || part.begin + part.text.size() >= *last_look_to))
            return false;
        if (match == Match::within_lines)
            looked_at = part.begin + part.text.size();
        else if (part.more)
            looked_at = part.begin + end_of_line(part.text, part.text.size() / 2);
        else // looking at much text, again and again, must not be all that we do
            os::wait_readable({exit_fd()}, sooner(deadline, pause_after_look(tried)),
                              host().interrupt);
        const auto until = part.more ? Deadline::after(0s) : deadline;
        const auto ready = os::wait_readable({changed.fd(), exit_fd()}, until, host().interrupt);
        if (ready == 1U && !part.more) {
            running()->process.wait_for_last_output();
            ended = true;
        }
    }
}

void QemuMachine::wait_for_console_end(Timeout timeout) {
    const auto deadline = deadline_of(timeout);
    os::Broadcast::Listener changed(console_.changed());
    while (!console_.closed() && os::wait_readable({changed.fd()}, deadline, host().interrupt))
        changed.reset();
}

void QemuMachine::forward_port(int host_port, int guest_port) {
    send_monitor_command(fmt::format("hostfwd_add tcp::{}-:{}", host_port, guest_port));
}

// QEMU's own name for the first VLAN's card: the user network's comes before it.
void QemuMachine::block() {
    send_monitor_command("set_link virtio-net-pci.1 off");
}

void QemuMachine::unblock() {
    send_monitor_command("set_link virtio-net-pci.1 on");
}

} // namespace ntd::vm
