#pragma once

#include <ntd/machine/guest_shell.h>
#include <ntd/machine/machine.h>
#include <ntd/machine/turn.h>
#include <ntd/os/unix_socket.h>
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
    QemuMachine(const machine::Host& host, machine::MachineOptions options);
    ~QemuMachine() override;
    QemuMachine(const QemuMachine&) = delete;
    QemuMachine& operator=(const QemuMachine&) = delete;
    QemuMachine(QemuMachine&&) = delete;
    QemuMachine& operator=(QemuMachine&&) = delete;

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

    void shutdown() override; // poweroff in the guest, then wait
    void crash();             // the power plug: HMP quit
    void reboot();            // ctrl-alt-delete; the next command waits for the new shell

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
    std::string get_console_log() const { return console().all(); }

    struct Running;                           // one run of QEMU
    std::shared_ptr<Running> running() const; // as run()

    std::string monitor_path() const { return state_dir / "monitor"; }
    std::string qmp_path() const { return state_dir / "qmp"; }
    std::string shell_path() const { return state_dir / "shell"; }
    std::string port_path() const { return state_dir / "port"; }
    std::string vnc_path() const { return state_dir / "vnc"; }

    // Where the start script and we expect the firmware's variables, if the environment does not
    // say otherwise.
    std::string efi_vars_path() const { return state_dir / (name() + "-efi-vars.fd"); }

    // Scripts set it: `connected = False` makes the next command wait for a new greeting. So does a
    // reset of the guest.
    std::atomic<bool> connected = false;

private:
    struct Listeners; // what QEMU connects to

    // Returns when QEMU runs and answers, not when the guest is up.
    std::shared_ptr<machine::Run> launch(bool allow_reboot) override;
    void lost() noexcept override { connected = false; }
    void check_alive(machine::Run& run, machine::Seconds waited) override;

    os::ProcessSpec start_spec(bool allow_reboot) const;
    UniqueFd accept_from(os::UnixListener& listener,
                         machine::MachineProcess& process,
                         std::string_view what) const;
    void take_connections(Running& running, Listeners& listeners);
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
    std::string ask_qmp(const std::string& command,
                        const std::string& arguments,
                        Deadline deadline,
                        const std::string& doing);
    void demand(const std::string& command);
    std::string first_card();

    std::shared_ptr<vsock::VhostVsock> vsock_; // shared with the driver; or none
    machine::Turn shell_turn_;
    Guarded<unsigned> resets_{0U}; // and with it: no reset is between two looks at `connected`
};

struct QemuMachine::Running : machine::Run {
    Running(const os::ProcessSpec& spec,
            const std::string& name,
            machine::ConsoleLog& console,
            const machine::Host& host)
        : Run(spec, name, "QEMU", console, host) {}

    std::unique_ptr<HmpClient> hmp;
    std::unique_ptr<machine::GuestShell> guest;
    Guarded<std::shared_ptr<vsock::VsockShells>>
        shells;                     // of this boot; none: commands go over `guest`
    std::unique_ptr<QmpClient> qmp; // its events reach the shell
};

} // namespace ntd::qemu
