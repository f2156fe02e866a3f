#include <ntd/os/other_process.h>

#include <ntd/base/error.h>
#include <ntd/os/syscall.h>

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

namespace ntd::os {

OtherProcess::OtherProcess(pid_t pid)
    : pid_(pid), pidfd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U))) {}

bool OtherProcess::has_ended() const {
    pollfd ended{pidfd_.get(), POLLIN, 0};
    return !pidfd_ || retry_eintr([&] { return ::poll(&ended, 1, 0); }) == 1;
}

// "4711 (a name) S 815 ...": the name may have anything in it.
bool OtherProcess::is_child_of(pid_t parent) const {
    std::string line;
    std::getline(std::ifstream(fmt::format("/proc/{}/stat", pid_)), line, '\0');
    std::istringstream rest(line.substr(line.rfind(')') + 1));
    std::string state;
    pid_t its_parent = -1;
    rest >> state >> its_parent;
    return its_parent == parent;
}

void OtherProcess::signal(int number) const noexcept {
    ::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0U);
}

} // namespace ntd::os
