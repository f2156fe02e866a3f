#include <ntd/os/child_process.h>

#include <ntd/base/error.h>
#include <ntd/base/forks.h>
#include <ntd/base/signals.h>
#include <ntd/base/text.h>
#include <ntd/os/syscall.h>
#include <ntd/os/wait.h>
#include <ntd/trace/trace.h>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <csignal>
#include <cstring>
#include <span>

extern char** environ;

namespace ntd::os {

namespace {

struct Pipe {
    UniqueFd read_end;
    UniqueFd write_end;
};

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) < 0)
        throw_errno("make a pipe");
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
    std::vector<char*> result;
    result.reserve(strings.size() + 1);
    for (const auto& string : strings)
        result.push_back(const_cast<char*>(string.c_str())); // exec does not change it
    result.push_back(nullptr);
    return result;
}

// What the child does before it executes the program.
enum class Step { join_cgroup, enter_namespace, enter_directory, execute };

// Why a child could not start.
struct Failure {
    Step step;
    int error; // errno
};

// What the child needs between fork and exec. All of it is prepared before the fork: the child
// shares our memory, and another thread may hold any lock, so the child may only make system calls.
struct Child {
    char* const* argv;
    char* const* environment;
    const char* program;
    int program_fd;        // or -1
    const char* directory; // or null
    bool new_session;
    std::span<const int> namespaces;
    int cgroup_procs; // or -1
    std::span<const int> inherited;
    std::array<int, 3> streams;
    const OrphanGuard* guard;
    int report; // pipe: gets a Failure, or is closed by exec
};

// All steps except exec.
std::optional<Step> failed_step(const Child& child) noexcept {
    if (child.cgroup_procs >= 0 && ::write(child.cgroup_procs, "0", 1) != 1)
        return Step::join_cgroup;
    for (const int fd : child.namespaces)
        if (::setns(fd, 0) < 0)
            return Step::enter_namespace;
    if (child.directory != nullptr && ::chdir(child.directory) < 0)
        return Step::enter_directory;
    return std::nullopt;
}

void execute(const Child& child) noexcept {
    if (child.program_fd < 0)
        ::execve(child.program, child.argv, child.environment);
    else
        ::syscall(SYS_execveat, child.program_fd, "", child.argv, child.environment, AT_EMPTY_PATH);
}

[[noreturn]] void run_child(const Child& child) noexcept {
    if (child.new_session)
        ::setsid();
    else
        ::setpgid(0, 0);
    child.guard->add(::getpid());
    struct sigaction by_default {};
    by_default.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; ++signal)
        ::sigaction(signal, &by_default, nullptr); // QEMU would inherit Python's SIG_IGN of SIGPIPE
    for (int fd = 0; fd < 3; ++fd)
        ::dup2(child.streams.at(static_cast<std::size_t>(fd)), fd);
    ::syscall(SYS_close_range, 3U, UINT_MAX, 1U << 2); // CLOSE_RANGE_CLOEXEC, Linux 5.11
    for (const int fd : child.inherited)
        ::fcntl(fd, F_SETFD, 0);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    const auto failed = failed_step(child);
    if (!failed)
        execute(child);
    const Failure failure{failed.value_or(Step::execute), errno};
    (void)!::write(child.report, &failure, sizeof failure);
    ::_exit(127);
}

// vfork, because fork copies the page tables of the whole driver, and posix_spawn gives the child
// no chance to register with the guard. Signals are blocked meanwhile, because a handler of ours
// would run in the child, in our memory.
pid_t spawn(const Child& child) {
    const SignalsBlocked blocked; // its destructor keeps errno
    const pid_t pid = ::vfork();
    if (pid == 0)
        run_child(child);
    return pid;
}

// vfork returns after exec, so the report is there or the pipe is closed. Where vfork is a plain
// fork (thread sanitizer, some emulators), the child may take a moment; and a child that another
// thread forks may keep the pipe open. Hence the timeout.
std::optional<Failure> read_report(const UniqueFd& pipe) {
    pollfd polled{pipe.get(), POLLIN, 0};
    Failure failure{};
    if (retry_eintr([&] { return ::poll(&polled, 1, 1000); }) == 1 &&
        retry_eintr([&] { return ::read(pipe.get(), &failure, sizeof failure); }) > 0)
        return failure;
    return std::nullopt;
}

// Uses the PATH passed in, because another thread of the script may change ours.
std::string find_program(const std::string& name, const std::vector<std::string>& environment) {
    constexpr std::string_view variable = "PATH=";
    if (name.find('/') != name.npos)
        return name;
    const auto path =
        std::find_if(environment.begin(), environment.end(),
                     [&](const std::string& each) { return each.starts_with(variable); });
    std::string_view rest = path != environment.end()
                                ? std::string_view(*path).substr(variable.size())
                                : "/usr/bin:/bin";
    while (!rest.empty()) {
        const auto colon = std::min(rest.find(':'), rest.size());
        auto candidate = std::string(rest.substr(0, colon)) + "/" + name;
        if (::access(candidate.c_str(), X_OK) == 0)
            return candidate;
        rest.remove_prefix(std::min(colon + 1, rest.size()));
    }
    throw SystemError(ENOENT, fmt::format("find the program '{}' in PATH", name));
}

[[noreturn]] void throw_not_started(const Failure& failure, const ProcessSpec& spec) {
    const auto what = fmt::format("execute '{}'", join(spec.argv, " "));
    switch (failure.step) {
    case Step::join_cgroup:
        throw SystemError(failure.error, fmt::format("join a cgroup to {}", what));
    case Step::enter_namespace:
        throw SystemError(failure.error, fmt::format("enter a namespace to {}", what));
    case Step::enter_directory:
        throw SystemError(failure.error,
                          fmt::format("enter '{}' to {}", spec.directory.string(), what));
    case Step::execute:
        break;
    }
    throw SystemError(failure.error, what);
}

// The child's standard input: the caller's descriptor, a pipe, or /dev/null.
UniqueFd open_stdin(const ProcessSpec& spec, UniqueFd& write_end) {
    if (spec.stdin_fd >= 0)
        return UniqueFd(::fcntl(spec.stdin_fd, F_DUPFD_CLOEXEC, 3));
    if (!spec.pipe_stdin)
        return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    auto pipe = make_pipe();
    write_end = std::move(pipe.write_end);
    return std::move(pipe.read_end);
}

ExitStatus exit_status(const siginfo_t& info) {
    if (info.si_code == CLD_EXITED)
        return {info.si_status, 0};
    return {0, info.si_status};
}

ExitStatus exit_status(int of_waitpid) {
    if (WIFSIGNALED(of_waitpid))
        return {0, WTERMSIG(of_waitpid)};
    return {WEXITSTATUS(of_waitpid), 0};
}

void trace_start(const ProcessSpec& spec, pid_t pid) {
    if (trace::on(trace::Category::os, trace::Level::info))
        trace::info(trace::Category::os, "spawned process {} (group {}): {}", pid, pid,
                    join(spec.argv, " "));
}

void trace_end(pid_t pid, const ExitStatus& status) {
    if (trace::on(trace::Category::os, trace::Level::info))
        trace::info(trace::Category::os, "process {} {}", pid, status.describe());
}

} // namespace

std::string ExitStatus::describe() const {
    if (signal != 0)
        return fmt::format("was killed by signal {} ({})", signal, ::strsignal(signal));
    return fmt::format("exited with status {}", status);
}

// Long because each step has its own way back, and all share what the child is given.
ChildProcess::ChildProcess(const ProcessSpec& spec, const OrphanGuard& guard)
    : guard_(guard), leaves_others_(spec.leaves_others) {
    refuse_forks();
    auto out = spec.stdout_fd < 0 ? make_pipe() : Pipe{};
    auto err = spec.stderr_fd < 0 ? make_pipe() : Pipe{};
    const auto in = open_stdin(spec, stdin_pipe);
    auto report = make_pipe();
    const auto program =
        spec.program_fd < 0 ? find_program(spec.argv.at(0), spec.environment) : spec.argv.at(0);
    const auto argv = pointers(spec.argv);
    const auto environment = pointers(spec.environment);
    const Child child{argv.data(),
                      environment.data(),
                      program.c_str(),
                      spec.program_fd,
                      spec.directory.empty() ? nullptr : spec.directory.c_str(),
                      spec.new_session,
                      spec.namespaces,
                      spec.cgroup_procs,
                      spec.inherited,
                      {in.get(), spec.stdout_fd < 0 ? out.write_end.get() : spec.stdout_fd,
                       spec.stderr_fd < 0 ? err.write_end.get() : spec.stderr_fd},
                      &guard,
                      report.write_end.get()};
    pid_ = spawn(child);
    if (pid_ < 0)
        throw_errno("start '{}'", program);
    report.write_end.reset();
    if (const auto failure = read_report(report.read_end)) {
        retry_eintr([&] { return ::waitpid(pid_, nullptr, 0); });
        guard_.forget(pid_);
        trace::info(trace::Category::os, "cannot execute {}", program);
        throw_not_started(*failure, spec);
    }
    guard_.adopt(pid_);
    trace_start(spec, pid_);
    pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0U)));
    if (!pidfd_) {
        const int error = errno;
        ::kill(-pid_, SIGKILL);
        retry_eintr([&] { return ::waitpid(pid_, nullptr, 0); });
        guard_.forget(pid_);
        throw SystemError(error, "open a pidfd");
    }
    ::fcntl(pidfd_.get(), F_SETFD, FD_CLOEXEC);
    stdout_pipe = std::move(out.read_end);
    stderr_pipe = std::move(err.read_end);
}

ChildProcess::~ChildProcess() {
    if (is_fork())
        return; // not a child of this process
    const bool end_is_traced = status_.copy().has_value();
    ::kill(leaves_others_ ? pid_ : -pid_, SIGKILL);
    int status = 0;
    const bool reaped = retry_eintr([&] { return ::waitpid(pid_, &status, 0); }) == pid_;
    if (reaped && !end_is_traced)
        trace_end(pid_, exit_status(status));
    guard_.forget(pid_);
}

std::optional<ExitStatus> ChildProcess::poll() {
    return status_.with([&](std::optional<ExitStatus>& status) {
        siginfo_t info{};
        if (!status && retry_eintr([&] {
                           return ::waitid(P_PID, static_cast<id_t>(pid_), &info,
                                           WEXITED | WNOHANG | WNOWAIT);
                       }) < 0)
            status = ExitStatus{}; // reaped elsewhere: its status is lost
        else if (!status && info.si_pid == pid_)
            trace_end(pid_, status.emplace(exit_status(info)));
        return status;
    });
}

std::optional<ExitStatus> ChildProcess::wait(Deadline deadline, Interrupt& interrupt) {
    if (auto status = poll())
        return status;
    if (!wait_readable({pidfd_.get()}, deadline, interrupt))
        return std::nullopt;
    return poll();
}

void ChildProcess::signal(int number) noexcept {
    if (is_fork())
        return;
    trace::debug(trace::Category::os, "signal {} to process {}", number, pid_);
    status_.with([&](const std::optional<ExitStatus>& status) {
        if (!status)
            ::kill(pid_, number);
    });
}

void ChildProcess::signal_group(int number) noexcept {
    trace::debug(trace::Category::os, "signal {} to group {}", number, pid_);
    if (!is_fork())
        ::kill(-pid_, number);
}

void ChildProcess::end(Deadline deadline) noexcept {
    if (is_fork())
        return;
    signal_group(SIGTERM);
    pollfd ended{exit_fd(), POLLIN, 0};
    retry_eintr([&] { return ::poll(&ended, 1, deadline.left_ms()); });
    signal_group(SIGKILL);
    poll();
}

std::vector<std::string> current_environment() {
    std::vector<std::string> variables;
    for (char** variable = environ; *variable != nullptr; ++variable)
        variables.emplace_back(*variable);
    return variables;
}

} // namespace ntd::os
