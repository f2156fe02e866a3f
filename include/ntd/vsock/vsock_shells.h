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

// The root shells that one boot of a guest has over its vsock: a connection for each command that
// runs at the same time, used again by later ones. A connection that has ended, or on which
// something went wrong, is left behind; the next command gets a new one, with a new shell.
// Any thread may call; waits end as those of GuestShell do.
// Throws what GuestShell throws, and MachineError when vhost-device-vsock has ended.
class VsockShells {
public:
    VsockShells(std::string machine,
                std::shared_ptr<VhostVsock> vsock,
                machine::MachineProcess& process,
                const machine::Host& host)
        : machine_(std::move(machine)), vsock_(std::move(vsock)), process_(process), host_(host) {}

    // Whether the guest offers such shells: opens the first one.
    bool are_offered();

    // Nothing if the guest does not take connections any more.
    using Use = std::function<machine::ExecResult(machine::GuestShell&)>;
    std::optional<machine::ExecResult> with_shell(Deadline deadline, const Use& use);

    // The guest starts anew: ends what waits for its shells. From any thread. The connections stay
    // open as long as this object lives, which has to be until the guest has booted again:
    // vhost-device-vsock 0.3.0 does not answer any more if one is closed while the guest's device
    // starts anew. (At times it does not if something was on its way, either.)
    void reset() noexcept;

private:
    using Shell = std::shared_ptr<machine::GuestShell>;
    struct State {
        std::vector<Shell> idle;
        std::vector<std::weak_ptr<machine::GuestShell>> all; // that may live
        std::vector<Shell> kept;                             // since the reset
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
