#pragma once

#include <ntd/base/guarded.h>
#include <ntd/os/byte_stream.h>
#include <ntd/os/child_process.h>
#include <ntd/vm/container_host.h>
#include <ntd/vm/host.h>
#include <ntd/vm/impairment.h>
#include <ntd/vm/vde_switch.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace ntd::vm {

// One virtual network: a vde_switch in hub mode, which runs as long as this object (or until
// stop()). Machines find it through QEMU_VDE_SOCKET_<number>. Containers find it as the device
// vde-tap<number>, which their start scripts put into a bridge.
class VLan {
public:
    // Returns when the switch answers. Throws MachineError with its last words, SystemError.
    // `containers`: where that device is to be, or none.
    VLan(int number,
         const std::filesystem::path& tmp_dir,
         const Host& host,
         const ContainerHost* containers);
    ~VLan();
    VLan(const VLan&) = delete;
    VLan& operator=(const VLan&) = delete;
    VLan(VLan&&) = delete;
    VLan& operator=(VLan&&) = delete;

    int number() const { return number_; }
    const std::filesystem::path& socket_dir() const { return switch_.directory(); }
    pid_t pid() const { return switch_.console().pid(); }

    std::shared_ptr<Capture> capture(std::filesystem::path file); // throws as Capture

    // See Impairment::set().
    void impair(double loss, Seconds delay) { impairment_.set(switch_, loss, delay); }

    void stop() noexcept;

private:
    bool on_plug_readable();
    void plug_into(const ContainerHost& containers);
    void give_plug_up(std::string_view what_it_did);

    int number_;
    const Host& host_;
    Impairment impairment_;
    VdeSwitch switch_; // after what its events are for
    bool stopped_ = false;
    Guarded<std::string> plug_text_;         // the end of what it said
    std::unique_ptr<os::ChildProcess> plug_; // vde_plug2tap, or none
    os::ByteStream plug_stderr_;
    os::EventLoop::Watch plug_watch_; // last: its callback uses the rest
};

} // namespace ntd::vm
