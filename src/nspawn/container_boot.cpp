// The boot of a container, as seen from outside, and its journal.

#include <ntd/nspawn/nspawn_machine.h>

#include "nspawn_process.h"

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/os/wait.h>

#include <algorithm>
#include <array>

namespace ntd::nspawn {

namespace {

using namespace std::chrono_literals;

// Console lines that show that a container has started, if its init is no systemd that we can ask.
constexpr std::array<std::string_view, 2> started_lines{"systemd[1]: Startup finished in",
                                                        "Welcome to NixOS"};

constexpr auto boot_pause = 10ms;  // between two checks of a booting container
constexpr auto journal_limit = 2s; // to read the rest of the journal

// Prints the journal of this boot from its beginning, with the kernel's clock as on consoles of
// virtual machines. journalctl does not notice directories that are created after its start.
constexpr std::string_view journal =
    "journalctl --quiet --boot --no-hostname --no-pager --lines=all "
    "--output=short-monotonic";
constexpr std::string_view wait_for_journal = R"sh(command -v journalctl >/dev/null || exit 0
until ls /run/log/journal/*/*.journal /var/log/journal/*/*.journal 2>/dev/null | grep -q .; do
    sleep 0.05
done
)sh";

// We ask with a command only if the root file system does not let the driver look from outside, as
// with 9p. Before the container has a shell, each question logs a line on the console. So the
// pauses grow: otherwise these lines would count as signs of life for ever.
constexpr machine::Seconds first_question = 1s;
constexpr std::string_view ask_for_systemd = "[ -e /run/systemd/private ]";

// The boot starts basic.target anyway, so this only waits for it.
constexpr std::string_view wait_for_basic_target =
    "systemctl --no-ask-password start basic.target 2>&1";

} // namespace

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
            if (init_below(running.nspawn) == init) // the pid was not reused meanwhile
                return boot;
        }
        wait_a_moment(running);
    }
}

// Waits until services can be used. Returns false if init ends first.
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
                               name(), trim_right(result.output), console().last_output(30));
        log("the container has not reached basic.target yet");
        check_boot(running);
    }
}

// Waits for READY=1 if it is expected. Returns false if init ends first.
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

// For an init that is no systemd: true if init has sent READY=1 or the console shows a start, and a
// shell can run.
bool NspawnMachine::has_started(const Running& running, const Boot& boot) const {
    const auto text = console().text();
    const bool says_so = running.notices.is_ready() && lets_init_be_ready(running.nspawn);
    return (says_so || std::any_of(started_lines.begin(), started_lines.end(),
                                   [&](auto line) { return text.find(line) != text.npos; })) &&
           boot.shell.run("true", Deadline::after(hint_interval)).status == 0;
}

void NspawnMachine::follow_journal(Boot& boot) {
    boot.journal_feed.emplace(name(), console(), host());
    // In the background, so that init becomes its parent. At the end of a shutdown, init waits for
    // all processes to end, but it only notices its own children.
    const auto script = fmt::format("( {}exec {} --follow ) &", wait_for_journal, journal);
    boot.journal.reset(
        new os::ChildProcess(boot.shell.start(script, {}, boot.journal_feed->input())));
}

// Pauses between two checks of a booting container. We have to poll: no event announces a process's
// first child, an execve(2), or a new file in the container. Throws if the boot cannot succeed any
// more.
void NspawnMachine::wait_a_moment(Running& running) {
    check_boot(running);
    if (os::wait_readable({running.process.exit_fd()}, Deadline::after(boot_pause),
                          host().interrupt))
        running.process.throw_died("while the container was booting");
}

void NspawnMachine::check_boot(const Running& running) const {
    check_dead_end();
    if (const auto silence = too_long_silence())
        throw MachineError("machine '{}': the container cannot run commands yet, and has been "
                           "silent for {:.0f} seconds; systemd-nspawn (pid {}) still runs; {}",
                           name(), silence->count(), running.nspawn.load(),
                           console().last_output(30));
}

// journald notifies its readers of new entries four times a second.
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
    } catch (...) { // e.g. an interrupt; it must not stop the remaining cleanup
        host().log.line(name(), log::Level::warning, "the end of the journal could not be read");
    }
}

} // namespace ntd::nspawn
