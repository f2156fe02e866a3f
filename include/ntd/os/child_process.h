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

// How a process ended: with a status, or by a signal (then status is meaningless).
struct ExitStatus {
    int status = 0;
    int signal = 0;

    // "exited with status 1", "was killed by signal 9 (Killed)"
    std::string describe() const;

    // As Python's Popen.returncode: the status, or minus the signal.
    int returncode() const { return signal != 0 ? -signal : status; }
};

// What to start. argv[0] is looked up in PATH.
struct ProcessSpec {
    std::vector<std::string> argv = {};
    std::vector<std::string> environment = {}; // "NAME=value"
    std::filesystem::path directory = {};      // empty: ours
    bool pipe_stdin = true;                    // otherwise /dev/null

    bool new_session = false; // without our terminal; the child leads it as it leads its group

    // Descriptors that the caller goes on owning; -1 or none: not used.
    int program_fd = -1;              // to execute, whatever argv[0] is
    int stdin_fd = -1;                // to read from, instead of the pipe
    int stdout_fd = -1;               // to write to, instead of a pipe
    int stderr_fd = -1;               // the same
    std::vector<int> namespaces = {}; // to be in, entered in this order; `directory` is there
    int cgroup_procs = -1;            // the file cgroup.procs of the cgroup to be in
    std::vector<int> inherited = {};  // to be open in the child, too, under the same numbers

    // What the child has started may live on after it: something else ends that.
    bool leaves_others = false;
};

// A child in a process group of its own, whose standard streams are pipes. Its owner ends it: the
// destructor kills the whole group (or the child alone, see ProcessSpec) and reaps the child: until
// then nobody else has its pid. poll(), wait() and signals may come from any thread.
class ChildProcess {
public:
    // Throws SystemError, naming the program, if it cannot be executed.
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
    void signal_group(int number) noexcept; // to all that it started, too

    // SIGTERM to all that it started, and SIGKILL when the child has ended or at the deadline.
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

// All "NAME=value" of this process. Not safe while another thread changes the environment.
std::vector<std::string> current_environment();

} // namespace ntd::os
