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

// Loss and delay on a VLAN, by wirefilter. The switch of the VLAN is a hub, where frames take no
// wire of their own. So while there is an impairment each of its ports is by itself (in a "vlan"
// inside vde_switch), and a wirefilter leads from there to a second hub:
//
//   machine -- port P -- port 60 + P -- wirefilter -- port P of the hub -- the other wirefilters
//
// Wirefilters lose and hold what goes towards the hub only: a frame is impaired once on its way.
// Machines that come later get their wirefilter as soon as the switch tells of them. Captures are
// on the hub, too, as vde_switch learns who is where: what is not for a machine does not reach it.
class Impairment {
public:
    // `number` and `tmp_dir` are those of the VLAN.
    Impairment(int number, std::filesystem::path tmp_dir, const machine::Host& host);
    ~Impairment();
    Impairment(const Impairment&) = delete;
    Impairment& operator=(const Impairment&) = delete;
    Impairment(Impairment&&) = delete;
    Impairment& operator=(Impairment&&) = delete;

    // `loss`: a fraction, 0 to 1. Both zero: there is none any more. It is in force on return.
    // Throws MachineError; then there is none, too.
    void set(VdeSwitch& vlan_switch, double loss, machine::Seconds delay);

    // One that is to see what passes while there is an impairment. Throws as that does.
    void add_capture(const std::shared_ptr<Capture>& capture);

    void on_event(std::string_view event); // of the switch, on the I/O thread
    void stop() noexcept;                  // with the switch

private:
    using Cables = std::map<int, std::shared_ptr<VdeConsole>>; // by the port of the machine

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
    machine::Turn turn_;    // a caller at a time
    bool prepared_ = false; // the ports of the switch; they stay so
    std::filesystem::path switch_dir_;
    std::vector<std::string> environment_; // the I/O thread must not read it
    std::optional<VdeSwitch> hub_;
    Guarded<std::vector<std::weak_ptr<Capture>>> captures_;

    std::mutex mutex_; // for what follows; also held while a wirefilter starts: one for a port
    bool active_ = false;
    double loss_ = 0;
    machine::Seconds delay_{0};
    Cables cables_;
};

} // namespace ntd::network
