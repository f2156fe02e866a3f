#pragma once

#include <ntd/driver/progress.h>
#include <ntd/driver/status.h>
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

// What exists once per process: the I/O thread, the handling of termination, and what machines need
// of both. Must outlive every machine and VLAN.
class Runtime {
public:
    Runtime(log::Log& log, const os::OrphanGuard& guard);

    machine::Host& host() { return host_; }
    const os::SignalRelay& signals() const { return signals_; }
    Termination& termination() { return termination_; }
    Status& status() { return status_; }

private:
    os::EventLoop loop_;
    os::Interrupt interrupt_;
    os::SignalRelay signals_{loop_, interrupt_};
    Status status_;
    Termination termination_;
    Progress progress_;
    machine::Host host_;
};

// Starts all machines at the same time. Throws one MachineError with all failures. An interrupt
// ends the machines that have not started yet, and is rethrown after that.
void start_all(std::span<const std::shared_ptr<machine::Machine>> machines,
               const machine::Host& host);

} // namespace ntd::driver
