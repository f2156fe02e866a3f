#pragma once

#include <ntd/log/log.h>
#include <ntd/machine/host.h>
#include <ntd/os/event_loop.h>

#include <cstdint>
#include <map>
#include <optional>

namespace ntd::driver {

// When the log says that something still goes on, as the time since its begin: at 10, 30 and 60
// seconds, and then each minute. Returns the latest such time that has come, if it was not yet said
// at `said`.
std::optional<machine::Seconds> progress_due(machine::Seconds age, machine::Seconds said);

// Says in the log what takes long: waits and commands of machines.
class Progress {
public:
    Progress(log::Log& log, os::EventLoop& loop);

private:
    void look();
    void look_later();

    log::Log& log_;
    os::EventLoop& loop_;
    std::map<std::uint64_t, machine::Seconds> said_; // by id of the scope; on the I/O thread
    os::EventLoop::Watch timer_;
};

} // namespace ntd::driver
