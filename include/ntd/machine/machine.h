#pragma once

#include <ntd/base/unique_fd.h>
#include <ntd/machine/console_log.h>
#include <ntd/machine/guest_shell.h>
#include <ntd/machine/host.h>
#include <ntd/os/private_directory.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ntd::machine {

struct MachineOptions {
    std::string name;
    std::filesystem::path out_dir; // where results go
    std::filesystem::path tmp_dir; // base of the state directories
    bool keep_machine_state = false;
    os::Contents state = os::Contents::ours; // what is in the state directory
};

struct ExecuteOptions {
    bool check_return = true; // false: the status is -1, and the shell may end under the command
    bool check_output = true; // false: return at once, (-2, "")
    Timeout timeout = Seconds{900};
    bool simple = false;    // one command of ours that leaves no process behind: cheaper in a VM
    std::string hurry = {}; // lines that have it end soon, for when others want the shell
};

// What virtual machines and containers have in common: a name, directories, a log, a root shell.
// The virtual functions are the override points promised to Python subclasses: operations of
// guest_ops.h go through them. Calls may come from any thread.
// Throws MachineError (MachineDied), RequestedAssertionFailed, TimeoutError.
class Machine {
public:
    // Throws UsageError, before anything is made, if the name cannot be used.
    Machine(const Host& host, MachineOptions options);
    virtual ~Machine() = default;
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;
    Machine(Machine&&) = delete;
    Machine& operator=(Machine&&) = delete;

    virtual void start(bool allow_reboot) = 0;
    virtual void connect() = 0;
    virtual ExecResult execute(const std::string& command, const ExecuteOptions& options) = 0;

    // A command as a part of a file transfer: `input` is its standard input, if given; or its
    // output goes to the descriptor `output` as it comes, unless that is -1.
    virtual ExecResult
    transfer(const std::string& command, std::optional<std::string_view> input, int output) = 0;

    // Appends bytes to a file of the machine; a status other than zero, and in the output why, if
    // they cannot be stored.
    virtual ExecResult store(const std::string& file, std::string_view bytes);

    virtual ExecResult systemctl(const std::string& query, const std::optional<std::string>& user);
    virtual std::string get_unit_property(const std::string& unit,
                                          const std::string& property,
                                          const std::optional<std::string>& user);
    virtual std::string succeed(const std::vector<std::string>& commands, Timeout timeout);

    // Ends a start() that is in progress in another thread: it throws there. So does one that
    // comes later, until starts are allowed again.
    void refuse_starts() noexcept;
    void allow_starts() noexcept { starts_refused_ = false; }

    // Asks what runs to end, without waiting for it, and starts nothing any more.
    virtual void close() noexcept = 0;

    // Kills what runs. Never throws: it is the last thing that happens to a machine.
    virtual void release() noexcept = 0;

    virtual bool is_up() const = 0;

    // Throws MachineDied, with how it ended and its last output, if the machine's process has.
    virtual void throw_if_ended(std::string_view doing) = 0;

    // A descriptor that is readable once nothing can be expected of the machine any more, whatever
    // becomes of that meanwhile; none now: null.
    virtual SharedFd exit_fd() const = 0;

    // What the machine has said by itself since its start. It tells of other news as well: what a
    // script waits for may have happened.
    virtual ConsoleLog& console() = 0;

    const std::string& name() const { return options_.name; }
    const std::filesystem::path& out_dir() const { return options_.out_dir; }
    const std::filesystem::path& tmp_dir() const { return options_.tmp_dir; }
    bool keep_machine_state() const { return options_.keep_machine_state; }

    // Scripts set it: one machine continues on the disk of another.
    std::filesystem::path state_dir;
    std::filesystem::path shared_dir;

    // Called before each command, on the caller's thread, with no lock held; and about once a
    // second by waits that give none.
    std::function<void()> before_command;

    void log(std::string_view text) const;
    void log_output(std::string_view output) const; // of a command; the end of it, if it is long
    void log_kill(std::string_view kind, pid_t process) const; // `kind`: the name of its class
    void cleanup_statedir() const;
    const Host& host() const { return host_; }

protected:
    void make_directories();
    void take_back_directories() noexcept; // once the guest has ended

    // Ends the process of a start() that is in progress.
    virtual void abort_start() noexcept = 0;

    // Throws MachineError if nothing is to be started. Call it when abort_start() and close() can
    // see what is started: either they do, or this sees that they were called.
    void check_start() const;

    std::atomic<bool> closed_ = false;

private:
    Machine(MachineOptions checked, const Host& host);

    const Host& host_;
    MachineOptions options_;
    std::atomic<bool> starts_refused_ = false;
    UniqueFd state_; // as it was checked; a guest may change owner and mode
    UniqueFd shared_;
};

} // namespace ntd::machine
