#include <ntd/os/other_process.h>

#include <ntd/base/error.h>
#include <ntd/os/syscall.h>

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

namespace ntd::os {

namespace {

struct Facts {
    std::string state; // a letter
    pid_t parent = -1;
    unsigned long long start = 0; // in ticks since the host booted
};

// Parses /proc/PID/stat: "4711 (a name) S 815 ...". The name may contain any character.
Facts facts_of(pid_t pid) {
    std::string line;
    std::getline(std::ifstream(fmt::format("/proc/{}/stat", pid)), line, '\0');
    std::istringstream rest(line.substr(line.rfind(')') + 1));
    Facts facts;
    std::string other;
    rest >> facts.state >> facts.parent;
    for (int i = 0; i < 17; ++i)
        rest >> other;
    rest >> facts.start;
    return facts;
}

// SO_PEERPIDFD exists from Linux 6.5 on. With older kernels this opens the pid and then checks that
// the connection is still open, since the pid may be reused after the process has ended.
UniqueFd pidfd_of_peer(int socket, pid_t pid) {
    constexpr int peer_pidfd = 77; // SO_PEERPIDFD, not in older headers
    int pidfd = -1;
    socklen_t size = sizeof pidfd;
    if (::getsockopt(socket, SOL_SOCKET, peer_pidfd, &pidfd, &size) == 0)
        return UniqueFd(pidfd);
    if (errno != ENOPROTOOPT)
        return UniqueFd(); // the process has ended
    UniqueFd opened(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
    pollfd connection{socket, POLLRDHUP, 0}; // still connected: the pid was valid at pidfd_open()
    return ::poll(&connection, 1, 0) == 0 ? std::move(opened) : UniqueFd();
}

} // namespace

OtherProcess::OtherProcess(pid_t pid)
    : pid_(pid), pidfd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U))) {}

bool OtherProcess::has_ended() const {
    pollfd ended{pidfd_.get(), POLLIN, 0};
    return !pidfd_ || retry_eintr([&] { return ::poll(&ended, 1, 0); }) == 1;
}

void OtherProcess::wait_for_end(Deadline deadline) const noexcept {
    pollfd ended{pidfd_.get(), POLLIN, 0};
    if (pidfd_)
        retry_eintr([&] { return ::poll(&ended, 1, deadline.left_ms()); });
}

bool OtherProcess::is_child_of(pid_t parent) const {
    return parent_of(pid_) == parent;
}

bool OtherProcess::is_older_than(pid_t other) const {
    return facts_of(pid_).start < facts_of(other).start;
}

// There is no notification for this, so it polls; usually once.
void wait_until_asleep(pid_t process, Deadline deadline) noexcept {
    constexpr std::chrono::milliseconds pause{1};
    while (facts_of(process).state == "R" && !deadline.passed())
        std::this_thread::sleep_for(pause);
}

void OtherProcess::signal(int number) const noexcept {
    ::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0U);
}

pid_t OtherProcess::group() const {
    const pid_t group = ::getpgid(pid_);
    return has_ended() ? -1 : group;
}

std::vector<std::string> command_line_of(pid_t process) {
    std::vector<std::string> words;
    std::ifstream file(fmt::format("/proc/{}/cmdline", process));
    for (std::string word; std::getline(file, word, '\0');)
        words.push_back(word);
    return words;
}

pid_t parent_of(pid_t process) {
    return facts_of(process).parent;
}

OtherProcess peer_of(int socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.pid <= 0)
        return {};
    return {peer.pid, pidfd_of_peer(socket, peer.pid)};
}

} // namespace ntd::os
