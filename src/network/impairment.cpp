#include <ntd/network/impairment.h>

#include <ntd/base/error.h>

#include <cstdio>
#include <exception>
#include <utility>

namespace ntd::network {

namespace {

namespace fs = std::filesystem;

// The port number in a line of vde_switch such as "Port 0001 ".
std::optional<int> port_in(const std::string& line) {
    int port = 0;
    const auto at = line.find("Port ");
    if (at == line.npos || std::sscanf(line.c_str() + at, "Port %d", &port) != 1)
        return std::nullopt;
    return port;
}

} // namespace

Impairment::Impairment(int number, fs::path tmp_dir, const machine::Host& host)
    : number_(number), tmp_dir_(std::move(tmp_dir)), host_(host),
      turn_(fmt::format("the impairment of vlan {}", number)) {}

Impairment::~Impairment() {
    stop();
}

void Impairment::set(VdeSwitch& vlan_switch, double loss, machine::Seconds delay) {
    const auto turn = turn_.take(Deadline::never(), host_.interrupt);
    if (loss == 0 && delay == machine::Seconds(0))
        return end(vlan_switch);
    bool active = false;
    {
        const std::lock_guard lock(mutex_);
        loss_ = loss;
        delay_ = delay;
        active = active_;
    }
    try {
        if (!active)
            begin(vlan_switch);
        hub_->console().check();
        for (const auto& [port, cable] : cables()) {
            cable->command("loss " + loss_option());
            cable->command("delay " + delay_option());
        }
    } catch (...) {
        end(vlan_switch);
        throw;
    }
}

void Impairment::begin(VdeSwitch& vlan_switch) {
    switch_dir_ = vlan_switch.directory();
    environment_ = host_.environment();
    hub_.emplace(fmt::format("vlan {}: the vde_switch behind the wirefilters", number_), tmp_dir_,
                 fmt::format("vde{}.hub", number_), host_);
    for (const auto& known : captures_.copy())
        if (const auto capture = known.lock())
            capture->plug_into(*hub_);
    if (!prepared_)
        prepare_ports(vlan_switch);
    prepared_ = true;
    auto& console = vlan_switch.console();
    console.command("port/sethub 0");
    console.command("debug/add port/ep/+");
    {
        const std::lock_guard lock(mutex_);
        active_ = true;
    }
    for (const auto& line : console.command("port/print").lines)
        if (const auto port = port_in(line))
            add_cable(*port);
}

// Prepares the switch's ports: vde_switch makes ports when a machine connects, and then they are
// not isolated. The wirefilters' ports must not be given to machines. A machine may move from port
// to port at once (hash/setminper).
void Impairment::prepare_ports(VdeSwitch& vlan_switch) {
    auto& console = vlan_switch.console();
    console.command("hash/setminper -1");
    for (int port = 1; port <= VdeSwitch::most_impaired; ++port) {
        const int end = VdeSwitch::most_impaired + port;
        console.ask(fmt::format("port/create {}", port)); // an error if it exists
        console.command(fmt::format("port/allocatable {} 1", port));
        console.ask(fmt::format("port/create {}", end));
        console.ask(fmt::format("vlan/create {}", port));
        console.command(fmt::format("port/setvlan {} {}", port, port));
        console.command(fmt::format("port/setvlan {} {}", end, port));
    }
}

void Impairment::on_event(std::string_view event) {
    const auto port = port_in(std::string(event));
    if (!port)
        return;
    try {
        add_cable(*port);
    } catch (const std::exception& error) {
        host_.log.error(fmt::format("vlan {}: the machine on port {} is cut off: {}", number_,
                                    *port, error.what()));
    }
}

// The ends are given without their directory, because wirefilter separates them by a colon.
void Impairment::add_cable(int port) {
    const std::lock_guard lock(mutex_);
    constexpr int most = VdeSwitch::most_impaired;
    if (!active_ || port == VdeSwitch::capture_port || cables_.contains(port) ||
        cables_.contains(port - most))
        return;
    if (port > most)
        throw MachineError("vlan {}: no more than {} machines can have loss and delay", number_,
                           most);
    const auto ends = fmt::format("{}[{}]:{}[{}]", switch_dir_.filename().string(), most + port,
                                  hub_->directory().filename().string(), port);
    const os::ProcessSpec spec{
        .argv = {"wirefilter", "-v", ends, "-l", loss_option(), "-d", delay_option()},
        .environment = environment_,
        .directory = switch_dir_.parent_path(),
    };
    auto what = fmt::format("vlan {}: the wirefilter of port {}", number_, port);
    cables_[port] = std::make_shared<VdeConsole>(std::move(what), spec, host_);
}

// wirefilter's loss from left to right, in percent.
std::string Impairment::loss_option() const {
    return fmt::format("LR{:.4f}", loss_ * 100);
}

// wirefilter's delay from left to right, in milliseconds.
std::string Impairment::delay_option() const {
    return fmt::format("LR{:.3f}", delay_.count() * 1000);
}

Impairment::Cables Impairment::cables() {
    const std::lock_guard lock(mutex_);
    return cables_;
}

void Impairment::add_capture(const std::shared_ptr<Capture>& capture) {
    const auto turn = turn_.take(Deadline::never(), host_.interrupt);
    captures_.with([&](auto& captures) {
        std::erase_if(captures, [](const auto& known) { return known.expired(); });
        captures.push_back(capture);
    });
    if (hub_)
        capture->plug_into(*hub_);
}

// First stops the wirefilters: on a hub they would form loops.
void Impairment::end(VdeSwitch& vlan_switch) {
    if (!prepared_)
        return stop();
    stop();
    vlan_switch.console().ask("debug/del port/ep/+"); // an error if it was not added
    vlan_switch.console().command("port/sethub 1");
}

void Impairment::stop() noexcept {
    Cables cables;
    {
        const std::lock_guard lock(mutex_);
        active_ = false;
        cables = std::exchange(cables_, {});
    }
    cables.clear();
    if (hub_)
        for (const auto& known : captures_.copy())
            if (const auto capture = known.lock())
                capture->unplug_from(hub_->directory());
    hub_.reset();
}

} // namespace ntd::network
