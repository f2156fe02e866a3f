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

// How commands reach a guest that also offers a root shell over vsock. automatic uses vsock if it
// is there; vsock requires it.
enum class Backdoor { automatic, virtconsole, vsock };

// A file descriptor with several owners. The last one closes it. Null: none.
using SharedFd = std::shared_ptr<const UniqueFd>;
inline int number_of(const SharedFd& fd) {
    return fd ? fd->get() : -1;
}

// What machines and VLANs need from the driver. The referenced objects must outlive them.
struct Host {
    log::Log& log;
    os::EventLoop& loop;
    os::Interrupt& interrupt;
    const os::OrphanGuard& guard;

    // Returns the current environment of this process, as "NAME=value".
    std::function<std::vector<std::string>()> environment;

    // Time limit for QEMU to connect after the start script was started. The script may have to
    // create disk images first.
    Seconds start_timeout{300};

    // How long the console of a booting guest may be silent before connect() gives up.
    Seconds boot_silence{300};

    // Time limit until the root shell of a booting guest is there, whatever the console shows.
    // None: Habits::boot_limit applies.
    Timeout boot_limit{};

    // How long QEMU or the guest's root shell may leave a request unanswered. The limit is
    // generous: the host may be overloaded, or the script may have paused the guest.
    Seconds silence{300};

    Habits habits = habits_of_options;

    // Whether the output of a command goes to the log while the command runs.
    bool stream_output = false;

    // The most bytes of a command's output that are kept in memory.
    std::size_t max_output = std::size_t{2} << 30;

    Backdoor backdoor = Backdoor::automatic;

    // A user is at the terminal, and can leave an emergency shell. A boot that ends there is then
    // no error.
    bool interactive = false;

    // Each machine gets a VNC server on a socket in its state directory.
    bool vnc = false;
};

// The deadline for `timeout`, but no later than the WaitLimit of this thread.
inline Deadline deadline_of(Timeout timeout) {
    return sooner(WaitLimit::current(), timeout ? Deadline::after(*timeout) : Deadline::never());
}

} // namespace ntd::machine
