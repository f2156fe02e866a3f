#pragma once

#include <ntd/base/unique_fd.h>

#include <functional>
#include <string>
#include <utility>

namespace ntd::os {

// Notifies when a network device appears or changes. Create it before looking.
class DeviceWatch {
public:
    explicit DeviceWatch(UniqueFd socket) : socket_(std::move(socket)) {}

    int fd() const { return socket_.get(); } // readable once something has changed
    void reset() const noexcept;             // re-arms it

private:
    UniqueFd socket_;
};

// A mount namespace, whose mounts propagate nowhere, and a network namespace. The kernel removes
// them after their last user: this object, or a process in them. So all mounts and network devices
// in them disappear with the driver, however it ends.
class Namespaces {
public:
    // Runs `prepare` in the namespaces, on a thread of its own, so that other threads stay where
    // they are. Where /sys cannot be mounted for the new network, as in some sandboxes,
    // `has_network` is false and the driver's own network is used. Throws SystemError, and what
    // `prepare` throws.
    explicit Namespaces(const std::function<void(bool has_network)>& prepare);

    int mount() const { return mount_.get(); }
    int network() const { return network_.get(); } // -1: the driver's own

    // Whether the network has a device with that name.
    bool has_device(const std::string& name) const;

    DeviceWatch watch_devices() const; // of the network; throws SystemError

private:
    void enter(const std::function<void(bool has_network)>& prepare);

    UniqueFd mount_;
    UniqueFd network_;
    UniqueFd network_socket_; // for ioctl(2)
};

} // namespace ntd::os
