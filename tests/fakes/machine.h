#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "console.h"
#include "fd.h"
#include "guest.h"
#include "hmp.h"
#include "options.h"
#include "qmp.h"
#include "shell_channel.h"

namespace fake {

enum class Cause { host, guest };

// The virtual machine: its sockets, its guest, and the one poll loop that serves them all.
class Machine {
public:
    Machine(const Options& options, const QemuArguments& arguments);
    ~Machine();
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    int run(); // until the machine ends; its exit status

    // What the monitors ask for.
    const std::string& name() const noexcept { return name_; }
    bool has_kvm() const noexcept { return arguments_.kvm; }
    bool has_device(const std::string& id) const;
    bool is_running() const noexcept { return !paused_ && !halted_; }
    bool is_ending() const noexcept { return exit_status_.has_value(); }
    std::string status() const;
    void pause();
    void resume();
    void quit(const std::string& reason);
    void power_down();
    void reset(Cause cause);
    void press(const std::string& keys);
    // Empty, or why it failed.
    std::string dump_screen(const std::string& path, const std::string& format) const;

private:
    bool reaches(Stage stage); // false: exits or hangs there
    void fail(int status, const std::string& message);
    void open_signals();
    void open_endpoints();
    void open_endpoint(const Endpoint& endpoint);
    void power_on();
    void start_shell();
    void halt(Cause cause, const std::string& reason);

    void wait_and_serve();
    int milliseconds_to_next_step() const;
    void serve(const pollfd& polled);
    void serve_monitors(const pollfd& polled);
    void serve_timers();
    void serve_signals();
    void serve_stdin();
    void serve_control();
    void flush_all();
    void send_event(const std::string& name, const std::string& json_data = {});
    void leave();

    const Options& options_;
    const QemuArguments& arguments_;
    std::string name_;
    Console console_;
    Guest guest_;
    ShellChannel shell_;
    UniqueFd port_; // beside the shell channel; the guest's end of it is the socket itself
    std::deque<HmpMonitor> hmp_;
    std::deque<QmpServer> qmp_;
    std::vector<UniqueFd> other_chardevs_; // kept open, never read: no driver in the guest
    UniqueFd signals_;
    UniqueFd control_; // requests of the guest's commands
    bool stdin_open_ = true;
    bool booting_ = false;
    bool hung_ = false;
    bool paused_ = false;
    bool halted_ = false;
    Console::Clock::time_point began_ = Console::Clock::now();
    std::optional<int> exit_status_;
};

std::string machine_name(const QemuArguments& arguments);
std::string state_directory();

} // namespace fake
