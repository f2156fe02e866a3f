#pragma once

#include <ntd/base/unique_fd.h>

#include <functional>
#include <string>
#include <utility>

namespace ntd::os {

// Tells when a network device appears or changes. Make it before looking.
class DeviceWatch {
public:
    explicit DeviceWatch(UniqueFd socket) : socket_(std::move(socket)) {}

    int fd() const { return socket_.get(); } // readable once something has changed
    void reset() const noexcept;             // to be told again

private:
    UniqueFd socket_;
};

// A mount namespace of our own, in which nothing that is mounted or unmounted reaches anybody else,
// and a network namespace. They end with their last user: this object, or a process in them. So all
// mounts and network devices in them end when we do, however we end.
class Namespaces {
public:
    // Runs `prepare` in them, on a thread of its own: our other threads stay where they are. It has
    // `has_network` = false where a file system that shows the new network cannot be mounted on
    // /sys, as in some sandboxes: then the network is still ours. Throws SystemError, and what
    // `prepare` throws.
    explicit Namespaces(const std::function<void(bool has_network)>& prepare);

    int mount() const { return mount_.get(); }
    int network() const { return network_.get(); } // -1: ours

    // Whether the network has a device of that name.
    bool has_device(const std::string& name) const;

    DeviceWatch watch_devices() const; // of the network; throws SystemError

private:
    void enter(const std::function<void(bool has_network)>& prepare);

    UniqueFd mount_;
    UniqueFd network_;
    UniqueFd network_socket_; // for questions about it
};

} // namespace ntd::os
