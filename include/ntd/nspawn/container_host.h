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

// Where the containers of a run live: mount and network namespaces and a cgroup of their own. In
// it is what systemd-nspawn and start scripts need and a sandbox may lack: a /run that can be
// written to, with /run/netns; /var/run; cgroup2; /etc/os-release and /etc/machine-id. The bridges,
// taps and veths that connect containers are in it. Nothing of that is on the host, and all of it
// ends with us. The driver makes one before anything else of a run with containers.
class ContainerHost {
public:
    // `keep` is a directory that is to be the host's own in there, the base directory. Throws
    // MachineError: not root, or the kernel lets us not do it.
    ContainerHost(const machine::Host& host, const std::filesystem::path& keep);

    // Descriptors of the namespaces that a process of ours has to enter to be there.
    std::vector<int> namespaces() const;

    // Puts a process that is to be started into them.
    void place(os::ProcessSpec& spec) const { spec.namespaces = namespaces(); }

    // A cgroup for one container, whose processes it ends and keeps apart from those of others:
    // systemd-nspawn shares the payload's cgroup among all containers started in one.
    std::unique_ptr<os::Cgroup> make_cgroup(const std::string& name) const;

    // Whether the containers' network has a device of that name.
    bool has_device(const std::string& name) const { return namespaces_->has_device(name); }
    os::DeviceWatch watch_devices() const { return namespaces_->watch_devices(); }

private:
    std::optional<os::Namespaces> namespaces_;
    std::unique_ptr<os::Cgroup> cgroup_;
};

} // namespace ntd::nspawn
