#include <ntd/nspawn/container_shell.h>

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/os/byte_stream.h>
#include <ntd/os/cgroup.h>
#include <ntd/os/other_process.h>
#include <ntd/os/sealed_file.h>
#include <ntd/os/wait.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <vector>

namespace ntd::nspawn {

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

// After this time, a warning names the processes that keep the output of a finished command open.
constexpr auto holder_warning = 10s;

// Time between SIGTERM and SIGKILL for a command.
constexpr auto grace = 700ms;

constexpr int timed_out = 124; // the status of timeout(1)

// The kernel allows 128 KiB for one argument (MAX_ARG_STRLEN), with the final NUL.
constexpr std::size_t longest_argument = 120'000;

// NixOS has no /bin/bash, but its /bin/sh is bash. Elsewhere sh may not support pipefail.
const std::vector<std::string> shells{"/bin/bash", "/bin/sh"};

constexpr std::string_view prologue = "cd /tmp 2>/dev/null || cd /\nset -eo pipefail\n[ ! -e "
                                      "/etc/profile ] || . /etc/profile || true\n"
                                      "set -u\n";

// After the prologue: reads the command from standard input.
constexpr std::string_view read_command =
    "ntd_command=$(cat; echo x)\nexec </dev/null\neval \"${ntd_command%x}\"";

// The environment of the shell in virtual machines. PATH is used until /etc/profile sets it.
std::vector<std::string> environment() {
    return {"HOME=/root",
            "USER=root",
            "LOGNAME=root",
            "DISPLAY=:0.0",
            "PAGER=",
            std::string("PATH=/run/current-system/sw/bin:/usr/local/sbin:/usr/local/bin:") +
                "/usr/sbin:/usr/bin:/sbin:/bin"};
}

// "PID NAME" of a process, with its pid in the container: the last word of NSpid.
std::string described(const fs::path& process) {
    std::string line;
    std::string number = process.filename();
    std::string name;
    for (std::ifstream status(process / "status"); std::getline(status, line);)
        if (line.starts_with("NSpid:"))
            number = line.substr(line.find_last_of(" \t") + 1);
        else if (line.starts_with("Name:"))
            name = line.substr(line.find_last_of(" \t") + 1);
    return fmt::format("{} {}", number, name);
}

bool has_open(const fs::path& process, const std::string& file) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(process / "fd", error))
        if (fs::read_symlink(entry.path(), error) == file)
            return true;
    return false;
}

// The other processes that have the pipe open: "PID NAME, PID NAME".
std::string holders_of(int pipe) {
    struct stat status {};
    ::fstat(pipe, &status);
    const auto link = fmt::format("pipe:[{}]", status.st_ino);
    const auto self = std::to_string(::getpid());
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator("/proc")) {
        const auto name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") == name.npos && name != self &&
            has_open(entry.path(), link))
            found.push_back(described(entry.path()));
    }
    return join(found, ", ");
}

// The children of a process whose pid cannot be reused, because we are its parent or hold its
// pidfd. A child's pid may be reused while we look; then the new process is no child and is
// skipped.
std::vector<os::OtherProcess> children_of(pid_t process) {
    std::vector<os::OtherProcess> result;
    std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", process));
    for (pid_t child = 0; children >> child;)
        if (os::OtherProcess opened(child); opened.is_child_of(process))
            result.push_back(std::move(opened));
    return result;
}

// Sends a signal to all descendants of a process, but not to the process itself, which reports
// their end. Parents come first: a shell must not see its child end before it gets the signal
// itself.
void signal_descendants(pid_t process, int signal) {
    for (const auto& child : children_of(process)) {
        child.signal(signal);
        signal_descendants(child.pid(), signal);
    }
}

} // namespace

struct ContainerShell::Exchange {
    Exchange(std::string_view text,
             const machine::CommandStreams& streams,
             const ContainerShell& shell,
             std::string_view script,
             std::string_view input)
        : command(text), sink(streams.sink), child(shell.start(script, input)),
          stdout_stream(os::ByteStream::nonblocking(std::move(child.stdout_pipe))) {}

    int status() {
        const auto end = child.poll().value_or(os::ExitStatus{});
        return end.signal != 0 ? 128 + end.signal : end.status;
    }

    std::string_view command;
    machine::OutputSink sink;
    os::ChildProcess child;
    os::ByteStream stdout_stream;
    std::string output;
    bool closed = false; // all processes have closed standard output
};

ContainerShell::ContainerShell(
    std::string machine, pid_t init, int cgroup, int console, const machine::Host& host)
    : machine_(std::move(machine)), entry_(init), cgroup_(::fcntl(cgroup, F_DUPFD_CLOEXEC, 3)),
      console_(console), host_(host) {}

// Standard input is always a separate file. An empty one is not /dev/null, because that would be
// the host's, and the container could change its owner and mode.
os::ChildProcess
ContainerShell::start(std::string_view script, std::string_view input, int output) const {
    const auto input_file = os::sealed_file("ntd-input", input);
    const auto cgroup = os::open_cgroup_of(entry_.init().pid(), cgroup_.get());
    os::ProcessSpec spec{.argv = {"-c", std::string(script)},
                         .environment = environment(),
                         .pipe_stdin = false,
                         .stdin_fd = input_file.get(),
                         .stdout_fd = output,
                         .stderr_fd = console_,
                         .leaves_others = output < 0};
    return entry_.start(std::move(spec), cgroup.get(), shells, host_.guard);
}

machine::ExecResult ContainerShell::run(std::string_view command,
                                        Deadline deadline,
                                        const machine::CommandStreams& streams) const {
    const bool is_long = command.size() > longest_argument;
    const auto script = fmt::format("{}{}", prologue, is_long ? read_command : command);
    const auto input = is_long ? command : streams.input.value_or("");
    Exchange exchange(command, streams, *this, script, input);
    try {
        if (receive(exchange, deadline))
            return {exchange.status(), std::move(exchange.output)};
    } catch (...) { // thrown by an interrupt or by the sink
        exchange.sink = [](std::string_view) {};
        end_command(exchange);
        throw;
    }
    end_command(exchange);
    return {timed_out, std::move(exchange.output), true};
}

// Returns true once the command has ended and its output is closed, false at the deadline.
bool ContainerShell::receive(Exchange& exchange, Deadline deadline) const {
    auto& [command, sink, child, stream, output, closed] = exchange;
    auto warning = Deadline::never();
    int exit_fd = child.exit_fd();
    while (!closed || exit_fd >= 0) {
        const auto ready = os::wait_readable({closed ? -1 : stream.fd(), exit_fd},
                                             sooner(deadline, warning), host_.interrupt);
        if (ready && deadline.passed()) // the command may write without end
            return false;
        if (ready == 0U)
            take_output(exchange);
        else if (ready == 1U) {
            exit_fd = -1;
            warning = Deadline::after(holder_warning);
        } else if (deadline.passed())
            return false;
        else if (warning.passed()) {
            machine::warn_of_holders(host_, machine_, command, holders_of(stream.fd()));
            warning = Deadline::never();
        }
    }
    return true;
}

void ContainerShell::take_output(Exchange& exchange) const {
    std::string bytes;
    exchange.closed = exchange.stdout_stream.read_ready(bytes) == os::ByteStream::Outcome::closed;
    if (exchange.sink)
        return exchange.sink(bytes);
    if (host_.stream_output && !bytes.empty())
        host_.log.output(machine_, bytes);
    exchange.output += bytes;
    machine::check_output_size(host_, machine_, exchange.command, exchange.output.size());
}

void ContainerShell::end_command(Exchange& exchange) const noexcept {
    try {
        signal_descendants(exchange.child.pid(), SIGTERM);
        receive(exchange, Deadline::after(grace));
    } catch (...) { // a second interrupt skips the grace time
    }
    try {
        signal_descendants(exchange.child.pid(), SIGKILL);
        exchange.child.wait(Deadline::after(grace), host_.interrupt);
    } catch (...) {
    }
    exchange.child.signal_group(SIGKILL);
}

} // namespace ntd::nspawn
