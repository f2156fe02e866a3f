#include <ntd/os/orphan_guard.h>

#include <ntd/base/deadline.h>
#include <ntd/base/error.h>
#include <ntd/os/syscall.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <set>
#include <string>
#include <vector>

namespace ntd::os {

namespace {

enum class Kind : char { add, forget, file };

struct Message {
    Kind kind;
    pid_t group;
    std::array<char, 201> path; // with a NUL
};

constexpr std::size_t short_size = offsetof(Message, path);

void signal_all(const std::set<pid_t>& groups, int signal) {
    for (const pid_t group : groups)
        ::kill(-group, signal);
}

// Waits until the leader of a group has ended; it need not be our child, and may be gone.
void wait_for_leader(pid_t group, Deadline deadline) {
    const UniqueFd leader(static_cast<int>(::syscall(SYS_pidfd_open, group, 0U)));
    pollfd ended{leader.get(), POLLIN, 0};
    if (leader)
        retry_eintr([&] { return ::poll(&ended, 1, deadline.left_ms()); });
}

void end_groups(const std::set<pid_t>& groups) {
    using namespace std::chrono_literals;
    signal_all(groups, SIGTERM);
    const auto deadline = Deadline::after(2s);
    for (const pid_t group : groups)
        wait_for_leader(group, deadline);
    signal_all(groups, SIGKILL);
}

[[noreturn]] void guard(int socket) {
    std::set<pid_t> groups;
    std::vector<std::string> files;
    Message message{};
    while (retry_eintr([&] { return ::recv(socket, &message, sizeof message, 0); }) > 0) {
        if (message.kind == Kind::add)
            groups.insert(message.group);
        else if (message.kind == Kind::forget)
            groups.erase(message.group);
        else
            files.emplace_back(message.path.data());
    }
    end_groups(groups);
    for (auto file = files.rbegin(); file != files.rend(); ++file) // a directory after its content
        ::remove(file->c_str());
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
    ::shutdown(socket_.get(), SHUT_WR); // a fork of ours may have the socket, too
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

void OrphanGuard::add_file(std::string_view path) const noexcept {
    Message message{Kind::file, 0, {}};
    if (path.size() >= message.path.size())
        return; // its begin may be the path of something else
    path.copy(message.path.data(), path.size());
    ::send(socket_.get(), &message, sizeof message, MSG_NOSIGNAL);
}

} // namespace ntd::os
