#include <ntd/network/vlan.h>

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/machine/names.h>
#include <ntd/os/wait.h>
#include <ntd/trace/trace.h>

#include <unistd.h>

#include <utility>

namespace ntd::network {

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto start_limit = 30s;

// Runs before the members that start the switch: the log announces it first, and file names contain
// the number.
int announced(int number, const machine::Host& host) {
    machine::check_vlan_number(number);
    host.log.info("start vlan");
    return number;
}

} // namespace

VLan::VLan(int number,
           const fs::path& tmp_dir,
           const machine::Host& host,
           const nspawn::ContainerHost* containers)
    : number_(announced(number, host)), host_(host), impairment_(number, tmp_dir, host),
      switch_(fmt::format("vlan {}: vde_switch", number),
              tmp_dir,
              fmt::format("vde{}.ctl", number),
              host,
              [this](std::string_view event) { impairment_.on_event(event); }) {
    if (containers != nullptr)
        plug_into(*containers);
    trace::info(trace::Category::network, "vlan {}: running, process {}", number_, pid());
    host_.log.info(fmt::format("running vlan (pid {}; ctl {})", pid(), socket_dir().string()));
}

VLan::~VLan() {
    stop();
}

// Makes the device before its first user, the start script of a container, looks for it.
void VLan::plug_into(const nspawn::ContainerHost& containers) {
    const auto device = fmt::format("vde-tap{}", number_);
    if (::access("/dev/net/tun", R_OK | W_OK) < 0) {
        host_.log.debug(fmt::format("vlan {}: containers and virtual machines cannot reach each "
                                    "other on it: there is no /dev/net/tun",
                                    number_));
        return;
    }
    os::ProcessSpec spec{
        .argv = {"vde_plug2tap", "-s", socket_dir().string(), device},
        .environment = host_.environment(),
        .pipe_stdin = false,
    };
    containers.place(spec);
    const auto changes = containers.watch_devices();
    plug_.emplace(fmt::format("vlan {}: vde_plug2tap", number_), spec, host_,
                  machine::HelperProcess::OnOutput(), machine::HelperProcess::End::left_to_caller);
    try {
        wait_for_device(containers, device, changes);
        plug_->leave_end_to_log();
    } catch (const MachineError& error) { // not an error: some sandboxes have
        plug_.reset();                    // /dev/net/tun, but forbid its use
        host_.log.warning(fmt::format("{}; containers and virtual machines cannot reach each other "
                                      "on this network",
                                      error.what()));
    }
}

void VLan::wait_for_device(const nspawn::ContainerHost& containers,
                           const std::string& device,
                           const os::DeviceWatch& changes) {
    const auto deadline = Deadline::after(start_limit);
    while (!containers.has_device(device)) {
        plug_->check();
        if (!os::wait_readable({changes.fd(), plug_->exit_fd()}, deadline, host_.interrupt))
            throw MachineError("{} did not create its network device", plug_->what());
        changes.reset();
    }
}

std::shared_ptr<Capture> VLan::capture(fs::path file) {
    switch_.console().check(); // gives a better message than vde_plug
    auto capture = std::make_shared<Capture>(std::move(file), host_);
    capture->plug_into(switch_);
    impairment_.add_capture(capture);
    return capture;
}

void VLan::stop() noexcept {
    if (std::exchange(stopped_, true))
        return;
    trace::info(trace::Category::network, "vlan {}: stop", number_);
    plug_.reset();
    impairment_.stop();
    host_.log.info(fmt::format("kill vlan (pid {})", pid()));
    switch_.stop();
}

} // namespace ntd::network
