// The part of Machine that waits: on which descriptors, how long, and who handles events.
#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>

#include <poll.h>
#include <sys/signalfd.h>

#include "machine.h"

namespace fake {

namespace {

using Clock = Console::Clock;

void add_poll(std::vector<pollfd>& polls, const Stream& stream) {
    const int events = (stream.wants_input() ? POLLIN : 0) | (stream.has_output() ? POLLOUT : 0);
    if (stream.is_open() && events != 0)
        polls.push_back({stream.fd(), static_cast<short>(events), 0});
}

std::string read_available(int fd) {
    char buffer[4096];
    const ssize_t size = ::read(fd, buffer, sizeof buffer);
    return size > 0 ? std::string(buffer, static_cast<size_t>(size)) : std::string();
}

std::string sender_of(const signalfd_siginfo& info) {
    const std::string pid = std::to_string(info.ssi_pid);
    const std::string command = read_file("/proc/" + pid + "/cmdline");
    return pid + " (" + (command.empty() ? "<unknown process>" : command.c_str()) + ")";
}

} // namespace

void Machine::wait_and_serve() {
    std::vector<pollfd> polls = {{signals_.get(), POLLIN, 0}};
    if (control_)
        polls.push_back({control_.get(), POLLIN, 0});
    if (stdin_open_)
        polls.push_back({STDIN_FILENO, POLLIN, 0});
    if (console_.has_output())
        polls.push_back({STDOUT_FILENO, POLLOUT, 0});
    for (HmpMonitor& monitor : hmp_)
        add_poll(polls, monitor.stream());
    for (QmpServer& server : qmp_) {
        if (server.stream().is_open())
            add_poll(polls, server.stream());
        else
            polls.push_back({server.listener(), POLLIN, 0});
    }
    shell_.add_polls(polls);
    port_.add_polls(polls);
    if (::poll(polls.data(), polls.size(), milliseconds_to_next_step()) < 0 && errno != EINTR)
        return fail(1, "poll failed");
    for (const pollfd& polled : polls)
        if (polled.revents != 0 && !is_ending())
            serve(polled);
    if (!is_ending())
        serve_timers();
    shell_.relay();
    port_.relay();
    flush_all();
}

int Machine::milliseconds_to_next_step() const {
    auto next = Clock::time_point::max();
    if (booting_ && !paused_)
        next = console_.next_step();
    if (options_.kill_self_after.count() > 0)
        next = std::min(next, began_ + options_.kill_self_after);
    const auto consider = [&](const std::optional<Clock::time_point>& step) {
        next = std::min(next, step.value_or(next));
    };
    consider(shell_.next_step());
    consider(port_.next_step());
    consider(console_.next_byte());
    for (const HmpMonitor& monitor : hmp_)
        consider(monitor.stream().next_byte());
    for (const QmpServer& server : qmp_)
        consider(server.stream().next_byte());
    if (next == Clock::time_point::max())
        return -1;
    // Rounded up: waking just too early would cause a busy loop.
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count();
    return static_cast<int>(std::clamp<long>(left, 0, INT_MAX));
}

void Machine::serve(const pollfd& polled) {
    if (polled.fd == signals_.get())
        serve_signals();
    else if (polled.fd == control_.get())
        serve_control();
    else if (polled.fd == STDIN_FILENO)
        serve_stdin();
    else if (polled.fd == STDOUT_FILENO)
        console_.flush();
    else
        serve_monitors(polled);
}

void Machine::serve_monitors(const pollfd& polled) {
    const bool readable = (polled.revents & (POLLIN | POLLHUP | POLLERR)) != 0;
    if (!readable)
        return; // output is flushed after each round anyway
    for (HmpMonitor& monitor : hmp_)
        if (monitor.stream().fd() == polled.fd)
            return monitor.receive(*this);
    for (QmpServer& server : qmp_) {
        if (server.stream().fd() == polled.fd)
            return server.receive(*this);
        if (server.listener() == polled.fd)
            return server.accept();
    }
}

void Machine::serve_timers() {
    const auto now = Clock::now();
    if (options_.kill_self_after.count() > 0 && now >= began_ + options_.kill_self_after) {
        console_.flush_last();
        guest_.kill_all(); // a real guest ends with its QEMU
        ::raise(SIGKILL);
    }
    if (!booting_ || paused_)
        return;
    switch (console_.advance_boot(now)) {
    case Console::Boot::going_on:
        return;
    case Console::Boot::exit_due:
        reaches(Stage::boot);
        break;
    case Console::Boot::shell_due:
        start_shell();
        break;
    case Console::Boot::stuck:
        break;
    }
    booting_ = false;
}

void Machine::serve_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
        const int signal = static_cast<int>(info.ssi_signo);
        if (signal == SIGCHLD) {
            if (guest_.reap())
                shell_has_ended();
            continue;
        }
        if (signal == SIGTERM && options_.ignore_term)
            continue;
        std::fprintf(stderr, "qemu-system-x86_64: terminating on signal %d from pid %s\n", signal,
                     sender_of(info).c_str());
        quit("host-signal");
    }
}

void Machine::serve_stdin() {
    const std::string typed = read_available(STDIN_FILENO);
    stdin_open_ = !typed.empty();
    append_file(options_.console_input_file, typed);
    if (!options_.silent)
        console_.echo(typed);
}

void Machine::serve_control() {
    for (const std::string& request : split(read_available(control_.get()), "\n")) {
        if (is_ending())
            return;
        const auto words = split(request, " ");
        if (words.size() == 3 && words[0] == "fault")
            spoil({fault_named(words[1]), words[2]});
        if (request == "poweroff")
            halt(Cause::guest, "guest-shutdown");
        else if (request == "reboot")
            reset(Cause::guest);
        else if (request == "restart-shell")
            restart_shell();
    }
}

void Machine::flush_all() {
    for (HmpMonitor& monitor : hmp_)
        monitor.stream().flush();
    for (QmpServer& server : qmp_)
        server.stream().flush();
}

void Machine::leave() {
    guest_.kill_all();
    console_.flush_last();
    flush_all();
    for (const QmpServer& server : qmp_)
        server.remove_socket();
}

} // namespace fake
