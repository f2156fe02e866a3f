#pragma once

#include <ntd/base/guarded.h>
#include <ntd/machine/guest_shell.h>
#include <ntd/vsock/vhost_vsock.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ntd::vsock {

// The root shells of one boot of a guest over its vsock. Each command that runs at the same time
// has a connection of its own; later commands reuse it. A connection that ended or failed is
// dropped, and the next command opens a new one with a new shell. Thread-safe; waits end like those
// of GuestShell. Throws what GuestShell throws, and MachineError if vhost-device-vsock has ended.
class VsockShells {
public:
    VsockShells(std::string machine,
                std::shared_ptr<VhostVsock> vsock,
                machine::MachineProcess& process,
                const machine::Host& host)
        : machine_(std::move(machine)), vsock_(std::move(vsock)), process_(process), host_(host) {}

    // Whether the guest offers such shells. Opens the first one to find out.
    bool are_offered();

    // Runs `use` with a shell. Returns nothing if the guest no longer accepts connections.
    using Use = std::function<machine::ExecResult(machine::GuestShell&)>;
    std::optional<machine::ExecResult> with_shell(Deadline deadline, const Use& use);

    // Call it when the guest resets: ends all waits for its shells. Thread-safe. The connections
    // stay open as long as this object lives, which must be until the guest has booted again:
    // vhost-device-vsock 0.3.0 stops answering if a connection is closed while the guest's device
    // restarts. (At times it also does if data was in transit.)
    void reset() noexcept;

private:
    using Shell = std::shared_ptr<machine::GuestShell>;
    struct State {
        std::vector<Shell> idle;
        std::vector<std::weak_ptr<machine::GuestShell>> all; // shells that may still exist
        std::vector<Shell> kept;                             // kept open since the reset
        bool was_reset = false;
    };

    Shell take_idle();
    Shell open(Deadline deadline);
    UniqueFd connect(Deadline deadline);
    void check_reset() const;
    void give_back(Shell shell);
    void do_without(const char* why) const;

    std::string machine_;
    std::shared_ptr<VhostVsock> vsock_;
    machine::MachineProcess& process_;
    const machine::Host& host_;
    Guarded<State> state_;
    os::Broadcast resets_;
};

} // namespace ntd::vsock
