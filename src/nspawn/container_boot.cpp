// The boot of a container, as far as we can see it from outside, and its journal.

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

// What the console of a container says that has started, if its init is no systemd to be asked.
constexpr std::array<std::string_view, 2> started_lines{"systemd[1]: Startup finished in",
                                                        "Welcome to NixOS"};

constexpr auto boot_pause = 10ms;  // between looks at a booting container
constexpr auto journal_limit = 2s; // to read what is left of the journal

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
                               name(), trim_right(result.output), console().last_output(30));
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
    const auto text = console().text();
    const bool says_so = running.notices.is_ready() && lets_init_be_ready(running.nspawn);
    return (says_so || std::any_of(started_lines.begin(), started_lines.end(),
                                   [&](auto line) { return text.find(line) != text.npos; })) &&
           boot.shell.run("true", Deadline::after(hint_interval)).status == 0;
}

void NspawnMachine::follow_journal(Boot& boot) {
    boot.journal_feed.emplace(name(), console(), host());
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

void NspawnMachine::check_boot(const Running& running) const {
    check_dead_end();
    if (const auto silence = too_long_silence())
        throw MachineError("machine '{}': the container cannot run commands yet, and has been "
                           "silent for {:.0f} seconds; systemd-nspawn (pid {}) still runs; {}",
                           name(), silence->count(), running.nspawn.load(),
                           console().last_output(30));
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

} // namespace ntd::nspawn
