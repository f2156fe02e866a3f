#include <ntd/os/other_process.h>

#include <ntd/os/syscall.h>

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>

namespace ntd::os {

OtherProcess::OtherProcess(pid_t pid)
    : pid_(pid), pidfd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U))) {}

bool OtherProcess::has_ended() const {
    pollfd ended{pidfd_.get(), POLLIN, 0};
    return !pidfd_ || retry_eintr([&] { return ::poll(&ended, 1, 0); }) == 1;
}

void OtherProcess::kill() const noexcept {
    ::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0U);
}

} // namespace ntd::os
