#pragma once

#include <ntd/base/error.h>
#include <ntd/machine/machine.h>
#include <ntd/machine/serial_feed.h>
#include <ntd/machine/turn.h>
#include <ntd/nspawn/container_host.h>
#include <ntd/nspawn/container_shell.h>
#include <ntd/nspawn/nspawn_notices.h>
#include <ntd/os/other_process.h>

#include <fcntl.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>

namespace ntd::nspawn {

// A command in a container exceeded its time limit. As in the Python driver, scripts see
// subprocess.TimeoutExpired. A virtual machine returns status 124 instead.
class CommandTimedOut : public TimeoutError {
public:
    CommandTimedOut(std::string_view what, machine::Seconds after, std::string so_far)
        : TimeoutError("the command `{}` was ended after {:g} s", what, after.count()),
          command(what), limit(after), output(std::move(so_far)) {}

    std::string command;
    machine::Seconds limit;
    std::string output;
};

// One systemd-nspawn container. The start script tells us the pid of systemd-nspawn over
// NOTIFY_SOCKET or on standard output. Its only child is the container's init, and commands run in
// the namespaces of init.
//
// A container is off, booted (systemd-nspawn runs), or booted and connected. It is connected once
// its systemd has reached basic.target, or the console shows that it has started, and once any
// READY=1 that is expected has arrived.
class NspawnMachine : public machine::Machine {
public:
    NspawnMachine(const machine::Host& host,
                  machine::MachineOptions options,
                  std::shared_ptr<const ContainerHost> containers);
    ~NspawnMachine() override;
    NspawnMachine(const NspawnMachine&) = delete;
    NspawnMachine& operator=(const NspawnMachine&) = delete;
    NspawnMachine(NspawnMachine&&) = delete;
    NspawnMachine& operator=(NspawnMachine&&) = delete;

    // Waits until commands can run. Starts the container if needed. A container that reboots ends;
    // if it was started with allow_reboot, the next command starts it again.
    void connect() override;

    // Ignores check_return and check_output, except that with check_output = false the end of the
    // container is no error. Throws CommandTimedOut after the time limit.
    machine::ExecResult execute(const std::string& command,
                                const machine::ExecuteOptions& options) override;
    machine::ExecResult transfer(const std::string& command,
                                 std::optional<std::string_view> input,
                                 int output) override;
    bool is_up() const override;

    void shutdown() override; // poweroff in the container, then wait

    struct Running;                                   // one run of systemd-nspawn
    std::shared_ptr<Running> running() const;         // see run()
    std::shared_ptr<Running> running_or_null() const; // see run_or_null()

    // Returns the pid of the container's init on the host. Connects first.
    pid_t init();

    // NOTIFY_SOCKET of the start script. It is not in the state directory, because the guest owns
    // that.
    std::string machine_sock_path() const { return tmp_dir() / (name() + "-nspawn.sock"); }

private:
    struct Boot; // one boot: from the start of an init to its end

    enum class AtItsEnd { error, result }; // if the container ends during a command

    // Returns as soon as systemd-nspawn runs.
    std::shared_ptr<machine::Run> launch(bool allow_reboot) override;
    void end(machine::Run& run) noexcept override;
    void kill(machine::Run& run) noexcept override;
    void ended(machine::Run& run) noexcept override;

    std::shared_ptr<Boot> boot_of(Running& running) const;
    std::optional<pid_t> announced_nspawn(Running& running) const;
    void wait_for_announcement(Running& running);
    void restart_if_asked();
    bool try_to_connect(Running& running);
    std::shared_ptr<Boot> wait_for_init(Running& running);
    bool wait_for_boot(Running& running, Boot& boot);
    bool wait_for_systemd(Running& running, Boot& boot);
    bool has_started(const Running& running, const Boot& boot) const;
    void follow_journal(Boot& boot);
    void wait_a_moment(Running& running);
    void check_boot(const Running& running) const;
    machine::ExecResult run_command(std::string_view command,
                                    machine::Timeout timeout,
                                    const machine::CommandStreams& streams,
                                    AtItsEnd at_its_end);
    bool ended_under(const machine::ExecResult& result, const Boot& boot) const;
    [[noreturn]] void throw_gone(Running& running, const std::string& doing);
    void read_rest_of_journal(Boot& boot) const noexcept;

    std::shared_ptr<const ContainerHost> containers_; // shared by all containers of a run
    machine::Turn connect_turn_;
};

struct NspawnMachine::Boot {
    explicit Boot(ContainerShell its_shell) : shell(std::move(its_shell)) {}

    const os::OtherProcess& init() const { return shell.entry().init(); }

    ContainerShell shell;
    std::atomic<bool> connected = false;
    std::optional<machine::SerialFeed> journal_feed;
    std::unique_ptr<os::ChildProcess> journal; // the journalctl process
};

// A base class before Run, so that it is destroyed last: it kills what is left.
struct CgroupOfRun {
    explicit CgroupOfRun(std::unique_ptr<os::Cgroup> own)
        : cgroup(std::move(own)),
          cgroup_directory(::fcntl(cgroup->directory(), F_DUPFD_CLOEXEC, 3)) {}

    std::unique_ptr<os::Cgroup> cgroup;
    UniqueFd cgroup_directory; // still open when the cgroup is gone
};

struct NspawnMachine::Running : CgroupOfRun, machine::Run {
    Running(const os::ProcessSpec& spec,
            std::unique_ptr<os::Cgroup> own_cgroup,
            const std::string& name,
            std::unique_ptr<os::UnixDatagrams> socket,
            machine::ConsoleLog& console,
            const machine::Host& host)
        : CgroupOfRun(std::move(own_cgroup)), Run(spec, name, "its start script", console, host),
          notices(std::move(socket), process.child().pid(), console, host),
          error_output(name, console, host) {}

    NspawnNotices notices;
    machine::SerialFeed error_output; // standard error of commands
    std::atomic<pid_t> nspawn = -1;   // as announced; written by start() and connect()
    bool allow_reboot = false;
    Guarded<std::shared_ptr<Boot>> boot;
};

} // namespace ntd::nspawn
