#pragma once

#include <ntd/driver/termination.h>
#include <ntd/machine/host.h>
#include <ntd/machine/machine.h>
#include <ntd/os/signal_relay.h>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace ntd::driver {

// What the process has one of: the I/O thread, the way out, and what machines need of both.
// Destroyed after every machine and VLAN.
class Runtime {
public:
    Runtime(log::Log& log, const os::OrphanGuard& guard);

    machine::Host& host() { return host_; }
    const os::SignalRelay& signals() const { return signals_; }
    Termination& termination() { return termination_; }

private:
    os::EventLoop loop_;
    os::Interrupt interrupt_;
    os::SignalRelay signals_{loop_, interrupt_};
    Termination termination_;
    machine::Host host_;
};

// Starts all at the same time. Throws one MachineError with the failures of all that failed. An
// interrupt ends those that have not started yet, and goes on once they have.
void start_all(std::span<const std::shared_ptr<machine::Machine>> machines,
               const machine::Host& host);

} // namespace ntd::driver
