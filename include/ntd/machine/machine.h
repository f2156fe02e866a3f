#pragma once

#include <ntd/base/guarded.h>
#include <ntd/base/unique_fd.h>
#include <ntd/machine/command.h>
#include <ntd/machine/console_log.h>
#include <ntd/machine/host.h>
#include <ntd/machine/run.h>
#include <ntd/machine/turn.h>
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
    std::string start_command;
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

// What the log and messages call a kind of machine.
struct KindOfMachine {
    std::string_view class_name; // "QemuMachine"
    std::string_view what;       // "vm"
    std::string_view whole;      // "the VM"
    std::string_view inside;     // "the guest"
};

// What virtual machines and containers have in common: a name, directories, a log, a root shell,
// and a life. Calls may come from any thread.
// The public virtual functions are the override points promised to Python subclasses: operations of
// guest_ops.h go through them. The protected ones are what a kind of machine fills in.
// Throws MachineError (MachineDied), RequestedAssertionFailed, TimeoutError.
//
// A machine lives again and again:
//
//     start()    makes a Run: launch() starts the process, says begin(), and returns when it has
//                announced itself. From then on the machine is booted. One call at a time.
//     connect()  starts it if need be, and waits until the guest takes commands: it is up.
//     lost()     nobody is connected any more: another run has begun, this one is over, or a
//                virtual machine was reset.
//     ended()    the run is over: release() has killed it, or wait_for_shutdown() has seen its end.
//                That the process has died does not end a run: calls then throw MachineDied.
//     release()  kills what runs, also a start() that is in progress in another thread. The last
//                thing that happens to a machine, and the destructor of its kind does it: that of
//                this class would be too late for kill(). close() asks for the same, and does not
//                wait for it.
//
// A call holds the Run that it works on, so it outlives a release() in another thread, and ends as
// one whose machine has died.
class Machine {
public:
    // Throws UsageError, before anything is made, if the name cannot be used.
    Machine(const Host& host, MachineOptions options, const KindOfMachine& kind);
    virtual ~Machine() = default;
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;
    Machine(Machine&&) = delete;
    Machine& operator=(Machine&&) = delete;

    virtual void start(bool allow_reboot); // nothing if it is booted
    virtual void shutdown() = 0; // has the guest power off, then waits for the end of the process
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
    void close() noexcept;

    void release() noexcept;
    void wait_for_shutdown(); // until its process has ended; nothing if it is not booted

    virtual bool is_up() const = 0;

    // Throws MachineDied, with how it ended and its last output, if the machine's process has.
    void throw_if_ended(std::string_view doing) const;

    // A descriptor that is readable once nothing can be expected of the machine any more, whatever
    // becomes of that meanwhile; none now: null.
    SharedFd exit_fd() const;

    std::shared_ptr<Run> run() const; // throws MachineError if it is off
    std::shared_ptr<Run> run_or_null() const { return run_.copy(); }

    // What the machine has said by itself since its start. It tells of other news as well: what a
    // script waits for may have happened.
    ConsoleLog& console() { return console_; }
    const ConsoleLog& console() const { return console_; }

    const std::string& start_command() const { return options_.start_command; }
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

    // Scripts set that of a virtual machine: the next start() makes another run.
    std::atomic<bool> booted = false;

    void log(std::string_view text) const;
    void log_output(std::string_view output) const; // of a command; the end of it, if it is long
    void cleanup_statedir() const;
    const Host& host() const { return host_; }

protected:
    static constexpr Seconds progress_interval{10}; // while a start script prepares
    static constexpr Seconds hint_interval{30};     // while a guest boots

    // Starts the process, and returns when it has done what it has to do before the guest boots.
    virtual std::shared_ptr<Run> launch(bool allow_reboot) = 0;

    virtual void lost() noexcept {}

    // Gives up what a run holds besides its process: a call in another thread may keep the Run for
    // a moment, but not what runs in it.
    virtual void ended(Run& /*run*/) noexcept {}

    // Asks a process to end; ends it, and returns when it has. In the log, unless it is still in
    // its launch().
    virtual void end(Run& run) noexcept;
    virtual void kill(Run& run) noexcept;

    // Called every now and then while the end of a machine is awaited. Throws if that is in vain.
    virtual void check_alive(Run& /*run*/, Seconds /*waited*/) {}

    // For launch(), once there is a process: abort_start() and close() can see it now. Throws
    // MachineError if nothing is to be started: either they do, or this sees that they were called.
    void begin(const std::shared_ptr<Run>& run);

    // Lets go of the run that is over.
    void forget_run();

    // In the log, if nothing has been said yet; whether that is so.
    bool announce_end(Run& run) const;

    // Throws if the console says that this boot will come to nothing.
    void check_dead_end() const;

    // How long a guest that boots has been silent, if that is longer than a boot may be.
    std::optional<Seconds> too_long_silence() const;

    log::Scope waiting_for_boot() const;
    void log_connected(Deadline::Clock::time_point begin) const;

private:
    Machine(MachineOptions checked, const KindOfMachine& kind, const Host& host);

    void make_directories();
    void take_back_directories() noexcept; // once the guest has ended
    void abort_start() noexcept;           // ends the process of a start() that is in progress

    const Host& host_;
    MachineOptions options_;
    KindOfMachine kind_;
    UniqueFd state_; // as it was checked; a guest may change owner and mode
    UniqueFd shared_;
    ConsoleLog console_;
    Turn start_turn_;
    std::atomic<bool> starts_refused_ = false;
    std::atomic<bool> closed_ = false;
    Guarded<std::shared_ptr<Run>> run_;
    Guarded<std::weak_ptr<Run>> starting_; // what launch() works on
};

} // namespace ntd::machine
