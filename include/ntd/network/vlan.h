#pragma once

#include <ntd/machine/helper_process.h>
#include <ntd/machine/host.h>
#include <ntd/network/impairment.h>
#include <ntd/network/vde_switch.h>
#include <ntd/nspawn/container_host.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace ntd::network {

// A virtual network: a vde_switch in hub mode. It runs during the lifetime of this object (or until
// stop()). Machines find it through QEMU_VDE_SOCKET_<number>; containers as the device
// vde-tap<number>, which their start scripts add to a bridge.
class VLan {
public:
    // Returns when the switch answers. `containers` says where the device is to be; null for no
    // device. Throws MachineError with the last output, SystemError.
    VLan(int number,
         const std::filesystem::path& tmp_dir,
         const machine::Host& host,
         const nspawn::ContainerHost* containers);
    ~VLan();
    VLan(const VLan&) = delete;
    VLan& operator=(const VLan&) = delete;
    VLan(VLan&&) = delete;
    VLan& operator=(VLan&&) = delete;

    int number() const { return number_; }
    const std::filesystem::path& socket_dir() const { return switch_.directory(); }
    pid_t pid() const { return switch_.console().pid(); }

    std::shared_ptr<Capture> capture(std::filesystem::path file); // throws like Capture

    // See Impairment::set().
    void impair(double loss, machine::Seconds delay) { impairment_.set(switch_, loss, delay); }

    void stop() noexcept;

private:
    void plug_into(const nspawn::ContainerHost& containers);
    void wait_for_device(const nspawn::ContainerHost& containers,
                         const std::string& device,
                         const os::DeviceWatch& changes);

    int number_;
    const machine::Host& host_;
    Impairment impairment_;
    VdeSwitch switch_; // after impairment_, which gets its events
    bool stopped_ = false;
    std::optional<machine::HelperProcess> plug_; // vde_plug2tap, if there is a device
};

} // namespace ntd::network
