#pragma once

#include <ntd/machine/host.h>
#include <ntd/os/cgroup.h>
#include <ntd/os/child_process.h>
#include <ntd/os/namespaces.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ntd::nspawn {

// The environment of all containers of a run: mount and network namespaces and a cgroup of our own.
// It has what systemd-nspawn and start scripts need and a sandbox may lack: a writable /run with
// /run/netns, /var/run, cgroup2, /etc/os-release and /etc/machine-id. The bridges, taps and veths
// of containers are in it, too. The host sees none of this, and all of it ends with the driver. A
// run with containers creates this object first.
class ContainerHost {
public:
    // `keep` is a directory that stays shared with the host: the base directory. Throws
    // MachineError if we are not root or the kernel refuses.
    ContainerHost(const machine::Host& host, const std::filesystem::path& keep);

    // File descriptors of the namespaces, for processes to enter.
    std::vector<int> namespaces() const;

    // Makes a process start in these namespaces.
    void place(os::ProcessSpec& spec) const { spec.namespaces = namespaces(); }

    // Creates a cgroup for one container, so that its processes can be killed together. Containers
    // need separate ones: systemd-nspawn shares the payload's cgroup among all containers that are
    // started in one cgroup.
    std::unique_ptr<os::Cgroup> make_cgroup(const std::string& name) const;

    // Whether the network namespace has a device of that name.
    bool has_device(const std::string& name) const { return namespaces_->has_device(name); }
    os::DeviceWatch watch_devices() const { return namespaces_->watch_devices(); }

private:
    std::optional<os::Namespaces> namespaces_;
    std::unique_ptr<os::Cgroup> cgroup_;
};

} // namespace ntd::nspawn
