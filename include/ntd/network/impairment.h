#pragma once

#include <ntd/machine/turn.h>
#include <ntd/network/capture.h>
#include <ntd/network/vde_switch.h>

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ntd::network {

// Adds loss and delay to a VLAN with wirefilter. The VLAN's switch is a hub, in which frames pass
// no separate wire. So while there is an impairment, each port of the switch is isolated (in a
// "vlan" inside vde_switch), and a wirefilter connects it to a second hub:
//
//   machine -- port P -- port 60 + P -- wirefilter -- port P of the hub -- the other wirefilters
//
// Wirefilters drop and delay only frames towards the hub, so that a frame is impaired once. A
// machine that connects later gets its wirefilter when the switch reports the new port. Captures
// are on the hub as well: with isolated ports, vde_switch would not deliver them the frames of
// others.
class Impairment {
public:
    // `number` and `tmp_dir` are those of the VLAN.
    Impairment(int number, std::filesystem::path tmp_dir, const machine::Host& host);
    ~Impairment();
    Impairment(const Impairment&) = delete;
    Impairment& operator=(const Impairment&) = delete;
    Impairment(Impairment&&) = delete;
    Impairment& operator=(Impairment&&) = delete;

    // Sets loss (a fraction, 0 to 1) and delay; both zero ends the impairment. It is in force on
    // return. Throws MachineError; then there is no impairment.
    void set(VdeSwitch& vlan_switch, double loss, machine::Seconds delay);

    // Registers a capture that is to see the frames during impairments. Throws like
    // Capture::plug_into().
    void add_capture(const std::shared_ptr<Capture>& capture);

    void on_event(std::string_view event); // from the switch, on the I/O thread
    void stop() noexcept;                  // call it with the switch's stop()

private:
    using Cables = std::map<int, std::shared_ptr<VdeConsole>>; // by port of the machine

    void begin(VdeSwitch& vlan_switch);
    void end(VdeSwitch& vlan_switch);
    void prepare_ports(VdeSwitch& vlan_switch);
    void add_cable(int port);
    Cables cables();
    std::string loss_option() const;
    std::string delay_option() const;

    int number_;
    std::filesystem::path tmp_dir_;
    const machine::Host& host_;
    machine::Turn turn_;    // one caller at a time
    bool prepared_ = false; // whether the switch's ports are set up; they stay so
    std::filesystem::path switch_dir_;
    std::vector<std::string> environment_; // a copy: the I/O thread must not read the environment
    std::optional<VdeSwitch> hub_;
    Guarded<std::vector<std::weak_ptr<Capture>>> captures_;

    std::mutex mutex_; // guards the members below; held while a wirefilter starts
    bool active_ = false;
    double loss_ = 0;
    machine::Seconds delay_{0};
    Cables cables_;
};

} // namespace ntd::network
