#pragma once

#include <ntd/base/guarded.h>
#include <ntd/base/unique_fd.h>
#include <ntd/machine/command.h>
#include <ntd/machine/commands.h>
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
    std::filesystem::path out_dir; // where the results of tests go
    std::filesystem::path tmp_dir; // holds the state directories
    bool keep_machine_state = false;
    os::Contents state = os::Contents::ours; // who writes to the state directory
};

struct ExecuteOptions {
    bool check_return = true; // false: the status is -1, and the shell may end with the command
    bool check_output = true; // false: return at once, (-2, "")
    Timeout timeout = Seconds{900};
    bool simple = false; // one command of the driver that leaves no process behind: cheaper in a VM
    bool ours = false;   // a question of the driver: reports do not show it. So is a simple one
    std::string hurry = {}; // lines that end it early when others want the shell
};

// The words of log and messages for a kind of machine.
struct KindOfMachine {
    std::string_view class_name; // "QemuMachine"
    std::string_view what;       // "vm"
    std::string_view whole;      // "the VM"
    std::string_view inside;     // "the guest"
};

// The common base of virtual machines and containers: name, directories, log, root shell and life
// cycle. Calls may come from any thread.
// The public virtual functions are the override points promised to Python subclasses: the
// operations of guest_ops.h call them. Each kind of machine implements the protected ones.
// Throws MachineError (MachineDied), RequestedAssertionFailed, TimeoutError.
//
// A machine may be started again after it has ended:
//
//     start()    makes a Run: launch() starts the process, calls begin(), and returns when the
//                process has announced itself. From then on the machine is booted. One start at a
//                time.
//     connect()  starts the machine if needed, and waits until the guest takes commands: it is up.
//     lost()     called when the connection to the guest is no longer valid: another run has begun,
//                this one is over, or a virtual machine was reset.
//     ended()    called when the run is over: release() has killed the process, or
//                wait_for_shutdown() has seen its end. The death of the process alone does not end
//                a run: calls then throw MachineDied.
//     release()  kills the process, also that of a start() in progress in another thread. It is the
//                last call on a machine. The destructor of each kind of machine must call it: in
//                the destructor of this class, the override of kill() would be gone. close() asks
//                for the same without waiting.
//
// A call holds the Run that it works on. So the Run outlives a release() in another thread, and the
// call then fails like one whose machine has died.
class Machine {
public:
    // Throws UsageError if the name is not valid, before it creates anything.
    Machine(const Host& host, MachineOptions options, const KindOfMachine& kind);
    virtual ~Machine() = default;
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;
    Machine(Machine&&) = delete;
    Machine& operator=(Machine&&) = delete;

    virtual void start(bool allow_reboot); // does nothing if booted
    virtual void shutdown() = 0;           // powers the guest off and waits for the process to end
    virtual void connect() = 0;
    virtual ExecResult execute(const std::string& command, const ExecuteOptions& options) = 0;

    // Runs a command that is part of a file transfer. `input`, if given, is its standard input.
    // Otherwise its output is written to the file descriptor `output` as it comes, unless that is
    // -1.
    virtual ExecResult
    transfer(const std::string& command, std::optional<std::string_view> input, int output) = 0;

    // For commands().watch().
    static Commands::Whose whose(const ExecuteOptions& options) {
        return options.simple || options.ours ? Commands::Whose::ours : Commands::Whose::of_script;
    }

    // Appends bytes to a file in the machine. If that fails, the status is not zero and the output
    // says why.
    virtual ExecResult store(const std::string& file, std::string_view bytes);

    virtual ExecResult systemctl(const std::string& query, const std::optional<std::string>& user);
    virtual std::string get_unit_property(const std::string& unit,
                                          const std::string& property,
                                          const std::optional<std::string>& user);
    virtual std::string succeed(const std::vector<std::string>& commands, Timeout timeout);

    // Ends a start() in progress in another thread, which then throws. Later calls of start()
    // throw, too, until allow_starts().
    void refuse_starts() noexcept;
    void allow_starts() noexcept { starts_refused_ = false; }

    // Asks the process to end without waiting for it. Nothing can be started afterwards.
    void close() noexcept;

    void release() noexcept;
    void wait_for_shutdown(); // waits for the end of the process; does nothing if not booted

    virtual bool is_up() const = 0;

    // Throws MachineDied if the machine's process has ended. The message says how, and quotes its
    // last output.
    void throw_if_ended(std::string_view doing) const;

    // A file descriptor that becomes readable once nothing more can be expected of the machine. It
    // stays valid when the run is released. Null if there is none now.
    SharedFd exit_fd() const;

    std::shared_ptr<Run> run() const; // throws MachineError if the machine is off
    std::shared_ptr<Run> run_or_null() const { return run_.copy(); }

    // The commands that the guest is running, and the last one that has ended.
    Commands& commands() { return commands_; }

    // What the machine is doing, for people: "it is up; its last command `true` ended with ...".
    std::string situation();

    // The console output since the start. Its broadcast changed() is notified of other news, too:
    // the event that a script waits for may have happened.
    ConsoleLog& console() { return console_; }
    const ConsoleLog& console() const { return console_; }

    const std::string& start_command() const { return options_.start_command; }
    const std::string& name() const { return options_.name; }
    const std::filesystem::path& out_dir() const { return options_.out_dir; }
    const std::filesystem::path& tmp_dir() const { return options_.tmp_dir; }
    bool keep_machine_state() const { return options_.keep_machine_state; }

    // Scripts may set it, so that one machine continues on the disk of another.
    std::filesystem::path state_dir;
    std::filesystem::path shared_dir;

    // Called before each command, on the caller's thread, with no lock held. Waits that run no
    // commands call it about once a second.
    std::function<void()> before_command;

    // Scripts may reset it for a virtual machine: the next start() then makes another run.
    std::atomic<bool> booted = false;

    void log(std::string_view text) const;
    // Logs the output of a command, or only its end if it is long.
    void log_output(std::string_view output) const;
    void cleanup_statedir() const;
    const Host& host() const { return host_; }

protected:
    static constexpr Seconds progress_interval{10}; // while a start script runs
    static constexpr Seconds hint_interval{30};     // while a guest boots

    // Starts the process. Returns when it is ready to let the guest boot.
    virtual std::shared_ptr<Run> launch(bool allow_reboot) = 0;

    virtual void lost() noexcept {}

    // Releases what a run holds besides its process. Needed because a call in another thread may
    // keep the Run object for a moment longer.
    virtual void ended(Run& /*run*/) noexcept {}

    // end() asks the process to end. kill() kills it and returns when it has ended. Both log this,
    // unless the run is still in launch().
    virtual void end(Run& run) noexcept;
    virtual void kill(Run& run) noexcept;

    // Called from time to time while waiting for the machine to end. Throws if waiting makes no
    // sense any more.
    virtual void check_alive(Run& /*run*/, Seconds /*waited*/) {}

    // launch() calls it once the process exists. From then on abort_start() and close() can end the
    // process. Throws MachineError if one of them was called already.
    void begin(const std::shared_ptr<Run>& run);

    // Drops the run that is over.
    void forget_run();

    // Logs that the run is ended, once. Returns whether this call did it.
    bool announce_end(Run& run) const;

    // Throws MachineError if the console shows that this boot has failed.
    void check_dead_end() const;

    // How long a booting guest has been silent, if that exceeds Host::boot_silence.
    std::optional<Seconds> too_long_silence() const;

    log::Scope waiting_for_boot() const;
    void log_connected(Deadline::Clock::time_point begin) const;

private:
    Machine(MachineOptions checked, const KindOfMachine& kind, const Host& host);

    void make_directories();
    void take_back_directories() noexcept; // after the guest has ended
    void abort_start() noexcept;           // ends the process of a start() in progress

    const Host& host_;
    MachineOptions options_;
    KindOfMachine kind_;
    UniqueFd state_; // checked when opened; a guest may change owner and mode later
    UniqueFd shared_;
    ConsoleLog console_;
    Commands commands_;
    Turn start_turn_;
    std::atomic<bool> starts_refused_ = false;
    std::atomic<bool> closed_ = false;
    Guarded<std::shared_ptr<Run>> run_;
    Guarded<std::weak_ptr<Run>> starting_; // the run in launch()
};

} // namespace ntd::machine
