#pragma once

#include <ntd/log/log.h>
#include <ntd/log/trace.h>
#include <ntd/os/event_loop.h>
#include <ntd/os/interrupt.h>
#include <ntd/os/orphan_guard.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace ntd::vm {

using Seconds = std::chrono::duration<double>;
using Timeout = std::optional<Seconds>; // nullopt: no limit

// Over what commands go where the guest offers a root shell over its vsock, too: automatic takes
// that, vsock insists on it.
enum class Backdoor { automatic, virtconsole, vsock };

// What machines and VLANs need of the driver. The references outlive them.
struct Host {
    log::Log& log;
    os::EventLoop& loop;
    os::Interrupt& interrupt;
    const os::OrphanGuard& guard;

    // The environment of this process at this moment, "NAME=value".
    std::function<std::vector<std::string>()> environment;

    // How long a start script may take until QEMU connects. It may have images to make.
    Seconds start_timeout{300};

    // How long a booting guest may be silent on its console before connect() gives up.
    Seconds boot_silence{300};

    log::Trace* trace = nullptr; // or none

    // Whether the output of running commands is part of the log, as it comes.
    bool stream_output = false;

    // How many bytes of output a command may have that go into memory.
    std::size_t max_output = std::size_t{2} << 30;

    Backdoor backdoor = Backdoor::automatic;

    // Nobody is there to leave an emergency shell.
    bool interactive = false;

    // Each machine has a VNC server, on a socket in its state directory.
    bool vnc = false;

    void trace_sent(std::string_view channel, std::string_view bytes) const {
        if (trace != nullptr)
            trace->sent(channel, bytes);
    }
    void trace_received(std::string_view channel, std::string_view bytes) const {
        if (trace != nullptr)
            trace->received(channel, bytes);
    }
};

inline Deadline deadline_of(Timeout timeout) {
    return timeout ? Deadline::after(*timeout) : Deadline::never();
}

} // namespace ntd::vm
