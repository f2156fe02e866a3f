#pragma once

#include <ntd/machine/console_log.h>
#include <ntd/machine/machine.h>
#include <ntd/machine/turn.h>
#include <ntd/qemu/hmp_client.h>
#include <ntd/qemu/qmp_client.h>
#include <ntd/vsock/vhost_vsock.h>
#include <ntd/vsock/vsock_shells.h>

#include <atomic>
#include <memory>
#include <string>

namespace ntd::qemu {

// One QEMU virtual machine. It is off, or booted (QEMU runs), and then perhaps connected (the root
// shell has said its greeting).
class QemuMachine : public machine::Machine {
public:
    QemuMachine(const machine::Host& host,
                machine::MachineOptions options,
                std::string start_command);
    ~QemuMachine() override;
    QemuMachine(const QemuMachine&) = delete;
    QemuMachine& operator=(const QemuMachine&) = delete;
    QemuMachine(QemuMachine&&) = delete;
    QemuMachine& operator=(QemuMachine&&) = delete;

    // Returns when QEMU runs and answers, not when the guest is up. Nothing if it runs already.
    void start(bool allow_reboot) override;

    // From the next start on the machine has a vsock, which has to know its name.
    void use_vsock(std::shared_ptr<vsock::VhostVsock> vsock) { vsock_ = std::move(vsock); }
    const vsock::VsockSockets* vsock_sockets() const; // nullptr without a vsock

    // Waits for the root shell, starting the machine if needed. Fails at once when QEMU ends or the
    // console shows that the boot has come to a dead end; after `boot_silence` without output.
    void connect() override;

    machine::ExecResult execute(const std::string& command,
                                const machine::ExecuteOptions& options) override;
    machine::ExecResult transfer(const std::string& command,
                                 std::optional<std::string_view> input,
                                 int output) override;
    machine::ExecResult store(const std::string& file, std::string_view bytes) override;
    bool is_up() const override { return booted && connected; }
    void throw_if_ended(std::string_view doing) override;
    machine::SharedFd exit_fd() const override;
    machine::ConsoleLog& console() override { return console_; }
    void close() noexcept override;
    void release() noexcept override;

    void shutdown();          // poweroff in the guest, then wait
    void crash();             // the power plug: HMP quit
    void reboot();            // ctrl-alt-delete; the next command waits for the new shell
    void wait_for_shutdown(); // until QEMU has ended

    // Overridable: send_key() and others go through it.
    virtual std::string send_monitor_command(const std::string& command);

    std::string wait_for_monitor_prompt();

    // The whole answer as JSON text; `arguments` is a JSON object or empty. Throws QmpError.
    std::string send_qmp(const std::string& command, const std::string& arguments);

    // As QmpClient::next_event().
    std::optional<std::string> next_qmp_event(machine::Timeout timeout);

    void send_key(const std::string& key, machine::Seconds delay, bool log);
    void send_chars(const std::string& characters, machine::Seconds delay);
    void send_console(const std::string& characters);
    void tap_console(int fd); // see MachineProcess; -1 for none
    void forward_port(int host_port, int guest_port);
    std::vector<proto::VdeCable> vde_cables();
    enum class Link { off, on };
    void set_link(const std::string& name, Link link); // of a card, or of a cable
    void block();
    void unblock();

    // All lines of the serial console since the last start.
    std::string get_console_log() const { return console_.all(); }

    // Waits until `look` finds what it wants in the console's text since the last such wait: it
    // gets that text, a line at least longer each time, and returns where its find ends. The text
    // is consumed to the end of that line. False after the time limit; throws MachineDied when no
    // more will come. Of more text than `most` it gets one piece after the other: a match across
    // lines is found if it has no more than half of that.
    using Look = std::function<std::optional<std::size_t>(const std::string& text)>;
    enum class Match { within_lines, across_lines }; // the former has each line looked at once
    bool wait_for_console(const Look& look,
                          Match match,
                          machine::Timeout timeout,
                          std::size_t most = machine::ConsoleLog::window);

    void wait_for_console_end(machine::Timeout timeout);

    // Everything that belongs to one run of QEMU. Shared by the machine and the calls in progress,
    // so that a call in one thread outlives a release() in another.
    struct Running;
    std::shared_ptr<Running> running() const; // throws MachineError if it is off
    std::shared_ptr<Running> running_or_null() const { return running_.copy(); }

    const std::string& start_command() const { return start_command_; }
    std::string monitor_path() const { return state_dir / "monitor"; }
    std::string qmp_path() const { return state_dir / "qmp"; }
    std::string shell_path() const { return state_dir / "shell"; }
    std::string port_path() const { return state_dir / "port"; }
    std::string vnc_path() const { return state_dir / "vnc"; }

    // Where the start script and we expect the firmware's variables, if the environment does not
    // say otherwise.
    std::string efi_vars_path() const { return state_dir / (name() + "-efi-vars.fd"); }

    // Scripts set these: `connected = False` makes the next command wait for a new greeting. So
    // does a reset of the guest.
    std::atomic<bool> booted = false;
    std::atomic<bool> connected = false;

private:
    void abort_start() noexcept override;
    std::shared_ptr<Running> launch(bool allow_reboot);
    void connect_qmp(Running& running);
    void on_event(Running& running, const proto::QmpMessage& event);
    void connect_shell(Running& running, Deadline deadline);
    void wait_for_greeting(Running& running, Deadline deadline);
    void say_greeting(const Running& running) const;
    void check_boot(Running& running, Deadline deadline);
    void choose_channel(Running& running);
    void prepare_line(Running& running) const;
    machine::ExecResult with_shell(Deadline deadline, const vsock::VsockShells::Use& use);
    machine::ExecResult with_line(Deadline deadline, const vsock::VsockShells::Use& use);
    void check_alive(Running& running, machine::Seconds waited);
    void demand(const std::string& command);
    std::string first_card();
    void announce_end(Running& running) const; // in the log, once
    void forget_process();
    template <typename Use>
    auto with_qmp(const std::string& doing, Use use);

    std::string start_command_;
    std::shared_ptr<vsock::VhostVsock> vsock_; // shared with the driver; or none
    machine::ConsoleLog console_{tmp_dir()};
    machine::Turn start_turn_;
    machine::Turn shell_turn_;
    Guarded<std::shared_ptr<Running>> running_;
    Guarded<std::weak_ptr<Running>> starting_; // what launch() works on
    Guarded<unsigned> resets_{0U}; // and with it: no reset is between two looks at `connected`
};

struct QemuMachine::Running {
    Running(const os::ProcessSpec& spec,
            const std::string& name,
            machine::ConsoleLog& console,
            const machine::Host& host)
        : process(spec, name, "QEMU", console, host) {}

    machine::MachineProcess process;
    std::atomic<bool> end_announced = false;
    std::unique_ptr<HmpClient> hmp;
    std::unique_ptr<machine::GuestShell> guest;
    Guarded<std::shared_ptr<vsock::VsockShells>>
        shells;                     // of this boot; none: commands go over `guest`
    std::unique_ptr<QmpClient> qmp; // its events reach the shell
};

} // namespace ntd::qemu
