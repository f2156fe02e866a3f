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

// One QEMU virtual machine. It is off, booted (QEMU runs), or booted and connected (the root shell
// has sent its greeting).
class QemuMachine : public machine::Machine {
public:
    QemuMachine(const machine::Host& host, machine::MachineOptions options);
    ~QemuMachine() override;
    QemuMachine(const QemuMachine&) = delete;
    QemuMachine& operator=(const QemuMachine&) = delete;
    QemuMachine(QemuMachine&&) = delete;
    QemuMachine& operator=(QemuMachine&&) = delete;

    // Adds a vsock from the next start on. `vsock` must already know the machine's name.
    void use_vsock(std::shared_ptr<vsock::VhostVsock> vsock) { vsock_ = std::move(vsock); }
    const vsock::VsockSockets* vsock_sockets() const; // nullptr without a vsock

    // Waits for the root shell. Starts the machine if needed. Fails at once if QEMU ends or the
    // console shows that the boot cannot succeed, and after `boot_silence` without output.
    void connect() override;

    machine::ExecResult execute(const std::string& command,
                                const machine::ExecuteOptions& options) override;
    machine::ExecResult transfer(const std::string& command,
                                 std::optional<std::string_view> input,
                                 int output) override;
    machine::ExecResult store(const std::string& file, std::string_view bytes) override;
    bool is_up() const override { return booted && connected; }

    void shutdown() override; // poweroff in the guest, then wait
    void crash();             // ends QEMU with the HMP command `quit`
    void reboot();            // presses ctrl-alt-delete; the next command waits for the new shell

    // Virtual because send_key() and others call it, and scripts may override it.
    virtual std::string send_monitor_command(const std::string& command);

    std::string wait_for_monitor_prompt();

    // Returns the whole answer as JSON text. `arguments` is a JSON object or empty. Throws
    // QmpError.
    std::string send_qmp(const std::string& command, const std::string& arguments);

    // See QmpClient::next_event().
    std::optional<std::string> next_qmp_event(machine::Timeout timeout);

    void send_key(const std::string& key, machine::Seconds delay, bool log);
    void send_chars(const std::string& characters, machine::Seconds delay);
    void send_console(const std::string& characters);
    void tap_console(int fd); // see MachineProcess; -1 for none
    void forward_port(int host_port, int guest_port);
    std::vector<proto::VdeCable> vde_cables();
    enum class Link { off, on };
    void set_link(const std::string& name, Link link); // `name` is a network card or a cable
    void block();
    void unblock();

    // All lines of the serial console since the last start.
    std::string get_console_log() const { return console().all(); }

    struct Running;                           // one run of QEMU
    std::shared_ptr<Running> running() const; // see run()

    std::string monitor_path() const { return state_dir / "monitor"; }
    std::string qmp_path() const { return state_dir / "qmp"; }
    std::string shell_path() const { return state_dir / "shell"; }
    std::string port_path() const { return state_dir / "port"; }
    std::string vnc_path() const { return state_dir / "vnc"; }

    // The file with the firmware's variables, unless the environment names another one.
    std::string efi_vars_path() const { return state_dir / (name() + "-efi-vars.fd"); }

    // Scripts may set this to false: then the next command waits for a new greeting. A reset of the
    // guest sets it to false, too.
    std::atomic<bool> connected = false;

private:
    struct Listeners; // the sockets that QEMU connects to

    // Returns as soon as QEMU runs and answers. The guest may still be booting.
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

    std::shared_ptr<vsock::VhostVsock> vsock_; // shared with the driver; may be null
    machine::Turn shell_turn_;
    Guarded<unsigned> resets_{0U}; // count of resets; its lock also guards changes of `connected`
};

struct QemuMachine::Running : machine::Run {
    Running(const os::ProcessSpec& spec,
            const std::string& name,
            machine::ConsoleLog& console,
            const machine::Host& host)
        : Run(spec, name, "QEMU", console, host) {}

    std::unique_ptr<HmpClient> hmp;
    std::unique_ptr<machine::GuestShell> guest;
    Guarded<std::shared_ptr<vsock::VsockShells>> shells; // of this boot; null: commands use `guest`
    std::unique_ptr<QmpClient> qmp;                      // after `guest`: its events use that
};

} // namespace ntd::qemu
