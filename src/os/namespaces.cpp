#include <ntd/os/namespaces.h>

#include <ntd/base/error.h>
#include <ntd/os/syscall.h>

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <exception>
#include <thread>

namespace ntd::os {

namespace {

UniqueFd open_namespace(const char* kind) {
    const auto path = fmt::format("/proc/thread-self/ns/{}", kind);
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd)
        throw_errno("open '{}'", path);
    return fd;
}

UniqueFd open_network_socket() {
    UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket)
        throw_errno("make a socket");
    return socket;
}

UniqueFd open_device_news() {
    UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = RTMGRP_LINK;
    if (!socket ||
        ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        throw_errno("subscribe to network device events");
    return socket;
}

// Runs `function` on a thread of its own, which may change its namespaces, and rethrows its
// exception.
void run_apart(const std::function<void()>& function) {
    std::exception_ptr failure;
    std::jthread([&] {
        try {
            function();
        } catch (...) {
            failure = std::current_exception();
        }
    }).join();
    if (failure)
        std::rethrow_exception(failure);
}

// A new network namespace has a loopback device that is down.
void set_loopback_up(int socket) {
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP;
    if (::ioctl(socket, SIOCSIFFLAGS, &request) < 0)
        throw_errno("set the loopback device up");
}

// Enters a new network namespace and mounts its /sys, where programs look for devices. If that
// mount is not possible, returns to the old namespace and returns false.
bool enter_network(const UniqueFd& old) {
    if (::unshare(CLONE_NEWNET) < 0)
        throw_errno("make a network namespace");
    if (::mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0)
        return true;
    if (::setns(old.get(), CLONE_NEWNET) < 0)
        throw_errno("return to the driver's network namespace");
    return false;
}

} // namespace

Namespaces::Namespaces(const std::function<void(bool has_network)>& prepare) {
    run_apart([&] { enter(prepare); });
}

void Namespaces::enter(const std::function<void(bool has_network)>& prepare) {
    const auto old_network = open_namespace("net");
    if (::unshare(CLONE_NEWNS) < 0)
        throw_errno("make a mount namespace");
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0)
        throw_errno("make all mounts private");
    const bool has_network = enter_network(old_network);
    network_socket_ = open_network_socket();
    if (has_network) {
        network_ = open_namespace("net");
        set_loopback_up(network_socket_.get());
    }
    prepare(has_network);
    mount_ = open_namespace("mnt");
}

bool Namespaces::has_device(const std::string& name) const {
    ifreq request{};
    name.copy(request.ifr_name, sizeof request.ifr_name - 1);
    return ::ioctl(network_socket_.get(), SIOCGIFINDEX, &request) == 0;
}

DeviceWatch Namespaces::watch_devices() const {
    UniqueFd socket;
    run_apart([&] {
        if (network_ && ::setns(network_.get(), CLONE_NEWNET) < 0)
            throw_errno("enter the network of the containers");
        socket = open_device_news();
    });
    return DeviceWatch(std::move(socket));
}

void DeviceWatch::reset() const noexcept {
    std::array<char, 4096> news{};
    while (retry_eintr([&] { return ::recv(socket_.get(), news.data(), news.size(), 0); }) > 0) {
    }
}

} // namespace ntd::os
