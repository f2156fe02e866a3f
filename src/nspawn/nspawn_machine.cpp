#include <ntd/nspawn/nspawn_machine.h>

#include "nspawn_process.h"

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/os/wait.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <fstream>

namespace ntd::nspawn {

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

// What the console of a container says that has started, if its init is no systemd to be asked.
constexpr std::array<std::string_view, 2> started_lines{"systemd[1]: Startup finished in",
                                                        "Welcome to NixOS"};

constexpr auto boot_pause = 10ms;                // between looks at a booting container
constexpr auto hint_interval = 30s;              // while it boots
constexpr auto end_limit = 2s;                   // from the end of init to that of the start script
constexpr machine::Seconds clean_up_limit = 25s; // of its start script; half a minute with the rest
constexpr machine::Seconds kill_limit =
    100ms; // from the death of a command to that of init with it
constexpr machine::Seconds shutdown_limit =
    15s;                                // from the begin of the last part of a shutdown to its end
constexpr auto journal_limit = 2s;      // to read what is left of the journal
constexpr auto progress_interval = 10s; // while a start script prepares
constexpr machine::Seconds poweroff_limit = 60s; // to answer the command

// The journal of this boot from its begin, with the kernel's clock as the consoles of virtual
// machines have it. journalctl does not notice directories that are made after it was started.
constexpr std::string_view journal =
    "journalctl --quiet --boot --no-hostname --no-pager --lines=all "
    "--output=short-monotonic";
constexpr std::string_view wait_for_journal = R"sh(command -v journalctl >/dev/null || exit 0
until ls /run/log/journal/*/*.journal /var/log/journal/*/*.journal 2>/dev/null | grep -q .; do
    sleep 0.05
done
)sh";

// Where the file system of the container's root lets the kernel not look alone, as 9p does. That
// there is no shell yet is a line on the console: the time between questions grows, or such lines
// would be a sign of life for ever.
constexpr machine::Seconds first_question = 1s;
constexpr std::string_view ask_for_systemd = "[ -e /run/systemd/private ]";

// As part of the boot it is just waited for.
constexpr std::string_view wait_for_basic_target =
    "systemctl --no-ask-password start basic.target 2>&1";

// The state directory is the container's root.
machine::MachineOptions with_root_of_guest(machine::MachineOptions options) {
    options.state = os::Contents::of_guests;
    return options;
}

} // namespace

NspawnMachine::NspawnMachine(const machine::Host& host,
                             machine::MachineOptions options,
                             std::string start_command,
                             std::shared_ptr<const ContainerHost> containers)
    : machine::Machine(host, with_root_of_guest(std::move(options))),
      start_command_(std::move(start_command)), containers_(std::move(containers)),
      start_turn_(fmt::format("the start of machine '{}'", name())),
      connect_turn_(fmt::format("the connection to machine '{}'", name())) {}

NspawnMachine::~NspawnMachine() {
    NspawnMachine::release();
}

std::shared_ptr<NspawnMachine::Running> NspawnMachine::running() const {
    auto running = running_.copy();
    if (!running)
        throw MachineError("machine '{}' is not running: start() it first", name());
    return running;
}

void NspawnMachine::throw_if_ended(std::string_view doing) {
    const auto running = running_.copy();
    if (running && running->process.child().poll())
        running->process.throw_died(doing);
}

machine::SharedFd NspawnMachine::exit_fd() const {
    const auto running = running_.copy();
    return running ? machine::SharedFd(running, &running->process.child().pidfd()) : nullptr;
}

bool NspawnMachine::is_up() const {
    const auto running = running_.copy();
    const auto boot = running ? running->boot.copy() : nullptr;
    return boot && boot->connected && !boot->init().has_ended();
}

void NspawnMachine::start(bool allow_reboot) {
    const auto turn = start_turn_.take(Deadline::never(), host().interrupt);
    if (running_.copy())
        return;
    log("starting container");
    make_directories();
    console_.clear();
    auto running = launch();
    running->allow_reboot = allow_reboot;
    log(fmt::format("systemd-nspawn running (pid {})", running->nspawn.load()));
    running_.with([&](auto& current) { current.swap(running); });
}

std::shared_ptr<NspawnMachine::Running> NspawnMachine::launch() {
    auto cgroup = containers_->make_cgroup(name());
    os::ProcessSpec spec{
        .argv = {start_command_},
        .environment = {"RUN_NSPAWN_ROOT_DIR=" + state_dir.string(),
                        "RUN_NSPAWN_SHARED_DIR=" + shared_dir.string(),
                        "NOTIFY_SOCKET=" + machine_sock_path()},
        .directory = state_dir,
        .cgroup_procs = cgroup->procs_fd(),
    };
    containers_->place(spec);
    auto socket = std::make_unique<os::UnixDatagrams>(machine_sock_path());
    auto running = std::make_shared<Running>(spec, std::move(cgroup), name(), std::move(socket),
                                             console_, host());
    starting_.with([&](auto& starting) { starting = running; });
    check_start();
    wait_for_announcement(*running);
    return running;
}

// Over the socket it is certain; the line may be anybody's, but names only what is part of it.
std::optional<pid_t> NspawnMachine::announced_nspawn(Running& running) const {
    if (const auto told = running.notices.nspawn())
        return told;
    const auto printed = announced_pid(console_.text());
    return printed && is_part_of(*printed, running.process.child().pid()) ? printed : std::nullopt;
}

void NspawnMachine::wait_for_announcement(Running& running) {
    os::Broadcast::Listener changed(console_.changed());
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
                               host().start_timeout.count(), console_.last_output());
        log("still waiting for the start script to run systemd-nspawn");
    }
}

void NspawnMachine::connect() {
    if (is_up())
        return;
    const machine::WaitLimit::Pause booting; // takes its own time
    restart_if_asked();
    start(false);
    const auto turn = connect_turn_.take(Deadline::never(), host().interrupt);
    if (is_up())
        return;
    const log::Scope scope(host().log, log::ScopeKind::nested, name(),
                           "waiting for the container to finish booting");
    const auto begin = Deadline::Clock::now();
    const auto current = running();
    while (!try_to_connect(*current)) // again with each init: some start scripts restart it
        ;
    const machine::Seconds took = Deadline::Clock::now() - begin;
    log("connected to guest root shell");
    log(fmt::format("(connecting took {:.2f} seconds)", took.count()));
}

// systemd-nspawn leaves it to its caller to start a container again that wants a reboot.
void NspawnMachine::restart_if_asked() {
    constexpr int wants_reboot = 133;
    const auto current = running_.copy();
    const auto boot = current ? current->boot.copy() : nullptr;
    if (!boot || !current->allow_reboot || !boot->init().has_ended())
        return;
    const auto end = current->process.child().wait(Deadline::after(end_limit), host().interrupt);
    if (!end || end->returncode() != wants_reboot)
        return;
    log("the container reboots");
    forget_process();
    start(true);
}

bool NspawnMachine::try_to_connect(Running& running) {
    const auto boot = wait_for_init(running);
    const auto last =
        running.boot.with([&](auto& current) { return std::exchange(current, boot); });
    return boot->connected = wait_for_systemd(running, *boot) && wait_for_boot(running, *boot);
}

std::shared_ptr<NspawnMachine::Boot> NspawnMachine::wait_for_init(Running& running) {
    for (;;) {
        running.nspawn = running.notices.nspawn().value_or(running.nspawn);
        const auto init = init_below(running.nspawn);
        if (init && executes_another_program(*init, running.nspawn)) {
            auto boot =
                std::make_shared<Boot>(ContainerShell(name(), *init, running.cgroup_directory.get(),
                                                      running.error_output.input(), host()));
            if (init_below(running.nspawn) == init) // it was not another's number
                return boot;
        }
        wait_a_moment(running);
    }
}

// Waits until the container's services can be used. False if its init ends meanwhile.
bool NspawnMachine::wait_for_systemd(Running& running, Boot& boot) {
    machine::Seconds pause = first_question;
    auto question = Deadline::after(pause);
    while (!boot.shell.entry().has("run/systemd/private")) {
        if (boot.init().has_ended())
            return false;
        if (has_started(running, boot))
            return true;
        if (question.passed()) {
            if (boot.shell.run(ask_for_systemd, Deadline::after(first_question)).status == 0)
                break;
            question = Deadline::after(pause *= 2);
        }
        wait_a_moment(running);
    }
    follow_journal(boot);
    for (;;) {
        const auto result = boot.shell.run(wait_for_basic_target, Deadline::after(hint_interval));
        if (boot.init().has_ended())
            return false;
        if (result.status == 0)
            return true;
        if (!result.timed_out)
            throw MachineError("machine '{}': the container's systemd does not reach basic.target: "
                               "{}\n{}",
                               name(), trim_right(result.output), console_.last_output(30));
        log("the container has not reached basic.target yet");
        check_boot(running);
    }
}

// False if its init ends meanwhile.
bool NspawnMachine::wait_for_boot(Running& running, Boot& boot) {
    auto hint = Deadline::after(hint_interval);
    while (running.notices.is_booting()) {
        if (boot.init().has_ended())
            return false;
        wait_a_moment(running);
        if (!hint.passed())
            continue;
        log("the container has not said READY=1 yet: its boot has jobs that are not done");
        hint = Deadline::after(hint_interval);
    }
    return true;
}

// For an init that is no systemd: it says so itself, or the console does, and a shell can be run.
bool NspawnMachine::has_started(const Running& running, const Boot& boot) const {
    const auto text = console_.text();
    const bool says_so = running.notices.is_ready() && lets_init_be_ready(running.nspawn);
    return (says_so || std::any_of(started_lines.begin(), started_lines.end(),
                                   [&](auto line) { return text.find(line) != text.npos; })) &&
           boot.shell.run("true", Deadline::after(hint_interval)).status == 0;
}

void NspawnMachine::follow_journal(Boot& boot) {
    boot.journal_feed.emplace(name(), console_, host());
    // In the background, so that it becomes a child of the container's init: at the end of a
    // shutdown that waits for the ends of all processes, but hears only of those of its children.
    const auto script = fmt::format("( {}exec {} --follow ) &", wait_for_journal, journal);
    boot.journal.reset(
        new os::ChildProcess(boot.shell.start(script, {}, boot.journal_feed->input())));
}

// Between two looks at a container that boots: nothing tells us of a process's first child, of the
// program that it executes, or of a file that appears in the container. Throws when it will come to
// nothing.
void NspawnMachine::wait_a_moment(Running& running) {
    check_boot(running);
    if (os::wait_readable({running.process.exit_fd()}, Deadline::after(boot_pause),
                          host().interrupt))
        running.process.throw_died("while the container was booting");
}

void NspawnMachine::check_boot(Running& running) const {
    const auto dead_end = console_.dead_end();
    if (dead_end && !host().interactive)
        throw MachineError("machine '{}': the container cannot boot: {}\n{}", name(), *dead_end,
                           console_.last_output(30));
    const machine::Seconds silence = Deadline::Clock::now() - console_.last_activity();
    if (silence >= host().boot_silence)
        throw MachineError("machine '{}': the container cannot run commands yet, and has been "
                           "silent for {:.0f} seconds; systemd-nspawn (pid {}) still runs; {}",
                           name(), silence.count(), running.nspawn.load(),
                           console_.last_output(30));
}

machine::ExecResult NspawnMachine::execute(const std::string& command,
                                           const machine::ExecuteOptions& options) {
    if (before_command)
        before_command();
    const bool may_end_it = !options.check_output || !options.check_return;
    auto result =
        run(command, options.timeout, {}, may_end_it ? AtItsEnd::result : AtItsEnd::error);
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
    return run(command, std::nullopt, {input, sink}, AtItsEnd::error);
}

// `at_its_end`: what it is when the container ends under the command.
machine::ExecResult NspawnMachine::run(std::string_view command,
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

// What ends the processes of a container, init among them, ends a command first.
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

void NspawnMachine::abort_start() noexcept {
    const auto starting = starting_.copy().lock();
    if (starting && starting != running_.copy())
        kill(*starting);
}

void NspawnMachine::close() noexcept {
    closed_ = true;
    for (const auto& running : {running_.copy(), starting_.copy().lock()})
        if (running)
            end(*running);
}

// The signal to the start script comes first: one that already knows of the container's end might
// start it again, or be disturbed while it cleans up. Init takes all in its namespace along.
void NspawnMachine::end(Running& running) const noexcept {
    if (running.process.child().poll() || running.end_announced.exchange(true))
        return;
    log_kill("NspawnMachine", running.process.child().pid());
    const auto boot = running.boot.copy();
    if (boot && boot->journal)
        read_rest_of_journal(*boot);
    running.process.child().signal(SIGTERM);
    const auto init = boot ? std::nullopt : init_below(running.nspawn); // nobody has asked yet
    if (boot)
        boot->init().signal(SIGKILL);
    else if (init)
        os::OtherProcess(*init).signal(SIGKILL);
}

// The start script gets its time to clean up.
void NspawnMachine::kill(Running& running) const noexcept {
    end(running);
    if (!running.end_announced)
        return;
    running.process.wait_for_end(end_limit);
    if (!running.process.child().poll()) {
        log(fmt::format("its start script (pid {}) cleans up", running.process.child().pid()));
        running.process.wait_for_end(clean_up_limit);
    }
    running.process.stop();
}

// journald tells its followers four times a second that there is something new.
void NspawnMachine::read_rest_of_journal(Boot& boot) const noexcept {
    try {
        boot.journal.reset();
        const auto seen = boot.journal_feed->finish();
        const auto rest = boot.shell.run(fmt::format("{} | tail -n +{}", journal, seen + 1),
                                         Deadline::after(journal_limit));
        LineSplitter lines;
        lines.feed(rest.output);
        while (const auto line = lines.next())
            host().log.serial(name(), *line);
    } catch (...) { // what an interrupt throws, for one, must not keep the rest from ending
        host().log.line(name(), log::Level::warning, "the end of the journal could not be read");
    }
}

void NspawnMachine::release() noexcept {
    try {
        abort_start();
        if (const auto current = running_.copy())
            kill(*current);
        forget_process();
        take_back_directories();
    } catch (const std::exception& error) {
        host().log.line(name(), log::Level::error, error.what());
    }
}

// A call in another thread may keep it for a moment, but not what runs in it.
void NspawnMachine::forget_process() {
    const auto current = running_.with([](auto& running) { return std::exchange(running, {}); });
    if (!current)
        return;
    current->notices.end();
    current->cgroup.reset();
}

// After connect() there is one, unless another thread has started the container again meanwhile.
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
    if (!running_.copy())
        return;
    const auto result = run("poweroff", poweroff_limit, {}, AtItsEnd::result);
    if (result.status != 0 && is_up())
        throw MachineError("machine '{}': `poweroff` failed (exit code {}): {}", name(),
                           result.status, trim_right(result.output));
    wait_for_shutdown();
}

void NspawnMachine::wait_for_shutdown() {
    const auto current = running_.copy();
    if (!current)
        return;
    const log::Scope scope(host().log, log::ScopeKind::nested, name(),
                           "waiting for the container to power off");
    current->process.child().wait(Deadline::never(), host().interrupt);
    current->process.wait_for_last_output();
    forget_process();
}

} // namespace ntd::nspawn
