#include <ntd/os/orphan_guard.h>

#include <ntd/base/deadline.h>
#include <ntd/base/error.h>
#include <ntd/os/syscall.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <set>
#include <string>

namespace ntd::os {

namespace {

enum class Kind : char { add, forget, link };

struct Message {
    Kind kind;
    pid_t group;
    std::array<char, 200> path;
};

constexpr std::size_t short_size = offsetof(Message, path);

void signal_all(const std::set<pid_t>& groups, int signal) {
    for (const pid_t group : groups)
        ::kill(-group, signal);
}

// A group of which only unreaped children are left counts as ended.
bool is_left(pid_t group) {
    siginfo_t info{};
    const bool leader_ended =
        ::waitid(P_PID, static_cast<id_t>(group), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        info.si_pid == group;
    return !leader_ended && ::kill(-group, 0) == 0;
}

bool any_left(const std::set<pid_t>& groups) {
    return std::any_of(groups.begin(), groups.end(), is_left);
}

// In the guard the groups are not children, so there is no event for their end: look every 10 ms.
void end_groups(const std::set<pid_t>& groups) {
    using namespace std::chrono_literals;
    signal_all(groups, SIGTERM);
    const auto deadline = Deadline::after(2s);
    while (any_left(groups) && !deadline.passed())
        ::poll(nullptr, 0, 10);
    signal_all(groups, SIGKILL);
}

[[noreturn]] void guard(int socket) {
    std::set<pid_t> groups;
    std::set<std::string> links;
    Message message{};
    while (retry_eintr([&] { return ::recv(socket, &message, sizeof message, 0); }) > 0) {
        if (message.kind == Kind::add)
            groups.insert(message.group);
        else if (message.kind == Kind::forget)
            groups.erase(message.group);
        else
            links.insert(message.path.data());
    }
    end_groups(groups);
    for (const auto& link : links)
        ::unlink(link.c_str());
    ::_exit(0);
}

// Nothing that happens to us, or to the terminal, may reach the guard, and it must not keep our
// output open for a reader who waits for its end.
void detach() {
    ::setsid();
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2})
        std::signal(signal, SIG_IGN);
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int fd : {0, 1, 2})
        ::dup2(null, fd);
    ::prctl(PR_SET_NAME, "ntd-guard");
}

} // namespace

OrphanGuard::OrphanGuard() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) < 0)
        throw_errno("make the socket of the orphan guard");
    pid_ = ::fork();
    if (pid_ < 0)
        throw_errno("fork the orphan guard");
    if (pid_ == 0) {
        detach();
        ::close(ends[0]);
        guard(ends[1]);
    }
    ::close(ends[1]);
    socket_.reset(ends[0]);
}

OrphanGuard::~OrphanGuard() {
    socket_.reset();
    retry_eintr([&] { return ::waitpid(pid_, nullptr, 0); });
}

void OrphanGuard::add(pid_t group) const noexcept {
    const Message message{Kind::add, group, {}};
    ::send(socket_.get(), &message, short_size, MSG_NOSIGNAL);
}

void OrphanGuard::adopt(pid_t group) const noexcept {
    groups_.with([&](auto& groups) { groups.insert(group); });
}

void OrphanGuard::end_all() const noexcept {
    end_groups(groups_.copy());
}

void OrphanGuard::forget(pid_t group) const noexcept {
    groups_.with([&](auto& groups) { groups.erase(group); });
    const Message message{Kind::forget, group, {}};
    ::send(socket_.get(), &message, short_size, MSG_NOSIGNAL);
}

void OrphanGuard::add_link(std::string_view path) const noexcept {
    Message message{Kind::link, 0, {}};
    path.copy(message.path.data(), message.path.size() - 1);
    ::send(socket_.get(), &message, sizeof message, MSG_NOSIGNAL);
}

} // namespace ntd::os
