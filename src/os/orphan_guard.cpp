#include <ntd/os/orphan_guard.h>

#include <ntd/base/deadline.h>
#include <ntd/base/error.h>
#include <ntd/base/forks.h>
#include <ntd/os/cgroup.h>
#include <ntd/os/syscall.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
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

enum class Kind : char { add, forget, file, cgroup };

struct Message {
    Kind kind;
    pid_t group;
    std::array<char, 201> path; // with a NUL; of a cgroup, whose parent comes as a descriptor
};

struct Cgroup {
    UniqueFd parent;
    std::string name;
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

// One message and the descriptor that has come with it, as sendmsg(2) and recvmsg(2) take them.
class Envelope {
public:
    explicit Envelope(Message& message, std::size_t size) : part_{&message, size} {
        header_.msg_iov = &part_;
        header_.msg_iovlen = 1;
    }

    void enclose(int fd) {
        make_room();
        cmsghdr* control = CMSG_FIRSTHDR(&header_);
        control->cmsg_level = SOL_SOCKET;
        control->cmsg_type = SCM_RIGHTS;
        control->cmsg_len = CMSG_LEN(sizeof fd);
        std::memcpy(CMSG_DATA(control), &fd, sizeof fd);
    }

    bool receive(int socket) {
        make_room();
        return retry_eintr([&] { return ::recvmsg(socket, &header_, MSG_CMSG_CLOEXEC); }) > 0;
    }

    UniqueFd enclosed() {
        int fd = -1;
        if (const cmsghdr* control = CMSG_FIRSTHDR(&header_))
            std::memcpy(&fd, CMSG_DATA(control), sizeof fd);
        return UniqueFd(fd);
    }

    void send(int socket) const { ::sendmsg(socket, &header_, MSG_NOSIGNAL | MSG_DONTWAIT); }

private:
    void make_room() {
        header_.msg_control = control_.data();
        header_.msg_controllen = control_.size();
    }

    iovec part_;
    msghdr header_{};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control_{};
};

void remove_files(const std::vector<std::string>& files) {
    for (auto file = files.rbegin(); file != files.rend(); ++file) // a directory after its content
        ::remove(file->c_str());
}

[[noreturn]] void guard(int socket) {
    std::set<pid_t> groups;
    std::vector<std::string> files;
    std::vector<Cgroup> cgroups;
    Message message{};
    for (;;) {
        Envelope envelope(message, sizeof message);
        if (!envelope.receive(socket))
            break;
        switch (message.kind) {
        case Kind::add:
            groups.insert(message.group);
            break;
        case Kind::forget:
            groups.erase(message.group);
            break;
        case Kind::file:
            files.emplace_back(message.path.data());
            break;
        case Kind::cgroup:
            cgroups.push_back({envelope.enclosed(), message.path.data()});
            break;
        }
    }
    end_groups(groups);
    for (const auto& cgroup : cgroups)
        end_cgroup(cgroup.parent.get(), cgroup.name.c_str());
    remove_files(files);
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
    ::prctl(PR_SET_PDEATHSIG, SIGCONT); // somebody may have stopped it
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
    if (is_fork())
        return;
    ::shutdown(socket_.get(), SHUT_WR); // a fork that is not ours may have the socket, too
    wake();
    int status = 0;
    if (retry_eintr([&] { return ::waitpid(pid_, &status, 0); }) != pid_ || status != 0)
        end_all(); // somebody has killed it
}

void OrphanGuard::wake() const noexcept {
    ::kill(pid_, SIGCONT); // not reaped yet, whatever has become of it
}

// A guard that does not read must not hold us up; what it misses is in our own lists.
void OrphanGuard::tell(const void* message, std::size_t size) const noexcept {
    ::send(socket_.get(), message, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void OrphanGuard::add(pid_t group) const noexcept {
    const Message message{Kind::add, group, {}};
    tell(&message, short_size);
}

void OrphanGuard::adopt(pid_t group) const noexcept {
    groups_.with([&](auto& groups) { groups.insert(group); });
}

void OrphanGuard::end_all() const noexcept {
    if (is_fork())
        return;
    wake();
    end_groups(groups_.copy());
    for (const auto& [parent, name] : cgroups_.copy())
        end_cgroup(parent->get(), name.c_str());
    remove_files(files_.copy());
}

void OrphanGuard::forget(pid_t group) const noexcept {
    groups_.with([&](auto& groups) { groups.erase(group); });
    const Message message{Kind::forget, group, {}};
    tell(&message, short_size);
}

void OrphanGuard::add_file(std::string_view path) const noexcept {
    Message message{Kind::file, 0, {}};
    if (path.size() >= message.path.size())
        return; // its begin may be the path of something else
    path.copy(message.path.data(), path.size());
    tell(&message, sizeof message);
    files_.with([&](auto& files) { files.emplace_back(path); });
}

void OrphanGuard::add_cgroup(int parent, std::string_view name) const noexcept {
    Message message{Kind::cgroup, 0, {}};
    if (name.size() >= message.path.size())
        return;
    name.copy(message.path.data(), name.size());
    Envelope envelope(message, sizeof message);
    envelope.enclose(parent);
    envelope.send(socket_.get());
    auto own = std::make_shared<UniqueFd>(::fcntl(parent, F_DUPFD_CLOEXEC, 3));
    cgroups_.with([&](auto& cgroups) { cgroups.push_back({std::move(own), std::string(name)}); });
}

} // namespace ntd::os
