#pragma once

#include <ntd/base/deadline.h>
#include <ntd/base/guarded.h>
#include <ntd/base/unique_fd.h>
#include <ntd/os/interrupt.h>
#include <ntd/os/orphan_guard.h>

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace ntd::os {

// How a process ended: with an exit status, or by a signal (then `status` has no meaning).
struct ExitStatus {
    int status = 0;
    int signal = 0;

    // "exited with status 1", "was killed by signal 9 (Killed)"
    std::string describe() const;

    // Like Python's Popen.returncode: the status, or minus the signal.
    int returncode() const { return signal != 0 ? -signal : status; }
};

// What to start. argv[0] is looked up in the PATH of `environment`.
struct ProcessSpec {
    std::vector<std::string> argv = {};
    std::vector<std::string> environment = {}; // "NAME=value"
    std::filesystem::path directory = {};      // empty: the driver's
    bool pipe_stdin = true;                    // otherwise /dev/null

    bool new_session = false; // detached from our terminal, as session leader

    // Descriptors that stay the caller's; -1 or empty: not used.
    int program_fd = -1;              // executed instead of argv[0]
    int stdin_fd = -1;                // used instead of the pipe
    int stdout_fd = -1;               // used instead of a pipe
    int stderr_fd = -1;               // used instead of a pipe
    std::vector<int> namespaces = {}; // entered in this order; `directory` is inside
    int cgroup_procs = -1;            // cgroup.procs of the cgroup to join
    std::vector<int> inherited = {};  // kept open in the child, same numbers

    // The child's own children may outlive it: something else ends those.
    bool leaves_others = false;
};

// A child process in a process group of its own, with pipes as standard streams. The destructor
// kills the whole group (or the child alone, see ProcessSpec::leaves_others) and reaps the child;
// until then its pid is not reused. poll(), wait() and the signal functions are thread-safe.
class ChildProcess {
public:
    // Throws SystemError with the program's name if it cannot be executed.
    ChildProcess(const ProcessSpec& spec, const OrphanGuard& guard);
    ~ChildProcess();
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;
    ChildProcess(ChildProcess&&) = delete;
    ChildProcess& operator=(ChildProcess&&) = delete;

    pid_t pid() const { return pid_; }
    const UniqueFd& pidfd() const { return pidfd_; } // readable once the child has ended
    int exit_fd() const { return pidfd_.get(); }

    std::optional<ExitStatus> poll();
    std::optional<ExitStatus> wait(Deadline deadline, Interrupt& interrupt);

    void signal(int number) noexcept;       // to the child alone, if it still runs
    void signal_group(int number) noexcept; // to the whole process group

    // Sends SIGTERM to the process group, and SIGKILL when the child has ended or at the deadline.
    // Cannot be interrupted.
    void end(Deadline deadline) noexcept;

    UniqueFd stdin_pipe;  // we write
    UniqueFd stdout_pipe; // we read
    UniqueFd stderr_pipe; // we read

private:
    const OrphanGuard& guard_;
    bool leaves_others_;
    pid_t pid_ = -1;
    UniqueFd pidfd_;
    Guarded<std::optional<ExitStatus>> status_;
};

// The environment of this process as "NAME=value". Not safe while another thread changes it.
std::vector<std::string> current_environment();

} // namespace ntd::os
