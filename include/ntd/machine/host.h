#pragma once

#include <ntd/base/unique_fd.h>
#include <ntd/log/log.h>
#include <ntd/machine/habits.h>
#include <ntd/machine/wait_limit.h>
#include <ntd/os/event_loop.h>
#include <ntd/os/interrupt.h>
#include <ntd/os/orphan_guard.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ntd::machine {

using Seconds = std::chrono::duration<double>;
using Timeout = std::optional<Seconds>; // nullopt: no limit

// Over what commands go where the guest offers a root shell over its vsock, too: automatic takes
// that, vsock insists on it.
enum class Backdoor { automatic, virtconsole, vsock };

// A descriptor with several owners, the last of which closes it. Null stands for none.
using SharedFd = std::shared_ptr<const UniqueFd>;
inline int number_of(const SharedFd& fd) {
    return fd ? fd->get() : -1;
}

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

    // How long it may take until its root shell is there, whatever its console shows; none: what
    // the habits say.
    Timeout boot_limit{};

    // How long QEMU, or the guest's root shell, may leave what it is asked unanswered. It may be
    // starved, or paused by the script.
    Seconds silence{300};

    Habits habits = habits_of_options;

    // Whether the output of running commands is part of the log, as it comes.
    bool stream_output = false;

    // How many bytes of output a command may have that go into memory.
    std::size_t max_output = std::size_t{2} << 30;

    Backdoor backdoor = Backdoor::automatic;

    // Nobody is there to leave an emergency shell.
    bool interactive = false;

    // Each machine has a VNC server, on a socket in its state directory.
    bool vnc = false;
};

// No later than the limit of the wait that this thread is in.
inline Deadline deadline_of(Timeout timeout) {
    return sooner(WaitLimit::current(), timeout ? Deadline::after(*timeout) : Deadline::never());
}

} // namespace ntd::machine
