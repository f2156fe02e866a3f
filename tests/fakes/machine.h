#pragma once

#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "console.h"
#include "fault.h"
#include "fd.h"
#include "guest.h"
#include "guest_channel.h"
#include "hmp.h"
#include "options.h"
#include "qmp.h"

namespace fake {

enum class Cause { host, guest };

struct NetworkCard {
    std::string name;
    std::string peer; // as `info network` shows it
};

// The virtual machine: its sockets, its guest, and the one poll loop that serves them all.
class Machine {
public:
    Machine(const Options& options, const QemuArguments& arguments);
    ~Machine();
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    int run(); // until the machine ends; its exit status

    // For the monitors.
    const std::string& name() const noexcept { return name_; }
    bool has_kvm() const noexcept { return arguments_.kvm; }
    bool has_device(const std::string& id) const;
    std::vector<NetworkCard> network_cards() const;
    std::set<int>& forwarded() noexcept { return forwarded_; }
    bool is_running() const noexcept { return !paused_ && !halted_; }
    bool is_ending() const noexcept { return exit_status_.has_value(); }
    std::string status() const;
    void pause();
    void resume();
    void quit(const std::string& reason);
    void power_down();
    void reset(Cause cause);
    void press(const std::string& keys);
    // Returns an error message, or an empty string.
    std::string dump_screen(const std::string& path, const std::string& format) const;

private:
    bool reaches(Stage stage); // false if the machine exits or hangs there
    void fail(int status, const std::string& message);
    void open_signals();
    void open_endpoints();
    void open_endpoint(const Endpoint& endpoint);
    void power_on();
    void open_control();
    void start_shell();
    void restart_shell();
    void shell_has_ended();
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
    void spoil(const FaultyChannel& what);
    void leave();

    const Options& options_;
    const QemuArguments& arguments_;
    std::string name_;
    Console console_;
    Guest guest_;
    GuestChannel shell_;
    GuestChannel port_; // beside the shell channel
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
    std::set<int> forwarded_; // ports of the host
};

std::string machine_name(const QemuArguments& arguments);
std::string state_directory();

} // namespace fake
