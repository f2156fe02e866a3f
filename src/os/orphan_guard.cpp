#include <ntd/os/orphan_guard.h>

#include <ntd/base/deadline.h>
#include <ntd/base/error.h>
#include <ntd/base/forks.h>
#include <ntd/os/cgroup.h>
#include <ntd/os/syscall.h>
#include <ntd/trace/trace.h>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace ntd::os {

namespace {

// A message with an optional descriptor, for sendmsg(2) and recvmsg(2).
class Envelope {
public:
    Envelope(void* message, std::size_t size) : part_{message, size} {
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
    for (auto file = files.rbegin(); file != files.rend(); ++file) // content before directory
        ::remove(file->c_str());
}

// Follows no symbolic links.
void remove_all(int parent, const std::string& name) {
    std::error_code ignored; // no way to report it
    std::filesystem::remove_all(fmt::format("/proc/self/fd/{}/{}", parent, name), ignored);
}

// Isolates the guard from signals to the driver and its terminal. Also closes the driver's output,
// so that its readers see the end of the file when the driver ends.
void detach() {
    ::setsid();
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2})
        std::signal(signal, SIG_IGN);
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int fd : {0, 1, 2})
        ::dup2(null, fd);
    ::prctl(PR_SET_NAME, "ntd-guard");
    ::prctl(PR_SET_PDEATHSIG, SIGCONT); // wakes the guard if it was stopped
}

} // namespace

enum class OrphanGuard::Kind : char {
    add,
    forget,
    add_process,
    forget_process,
    file,
    cgroup,
    unfinished,
    forget_unfinished,
};

struct OrphanGuard::Message {
    Kind kind;
    int number;                 // pgid, pid (sent with a pidfd), or number of an unfinished file
    std::array<char, 201> path; // NUL-terminated; or a name, sent with its parent's descriptor

    static constexpr std::size_t short_size() { return offsetof(Message, path); }
};

void OrphanGuard::Leftovers::forget_unfinished(int number) {
    std::erase_if(unfinished, [number](const Named& each) { return each.number == number; });
}

void OrphanGuard::Leftovers::end() {
    using namespace std::chrono_literals;
    processes.signal(SIGTERM);
    processes.wait_for_ends(Deadline::after(2s));
    processes.signal(SIGKILL);
    for (const auto& cgroup : cgroups)
        end_cgroup(cgroup.parent->get(), cgroup.name.c_str());
    for (const auto& each : unfinished)
        remove_all(each.parent->get(), each.name);
    remove_files(files);
}

// Long because it is a table, a case for each message.
void OrphanGuard::guard(int socket) {
    const auto named = [](UniqueFd parent, const Message& message) {
        return Named{std::make_shared<UniqueFd>(std::move(parent)), message.path.data(),
                     message.number};
    };
    Leftovers left;
    Message message{};
    for (;;) {
        Envelope envelope(&message, sizeof message);
        if (!envelope.receive(socket))
            break;
        switch (message.kind) {
        case Kind::add:
            left.processes.add_group(message.number);
            break;
        case Kind::forget:
            left.processes.remove_group(message.number);
            break;
        case Kind::add_process:
            left.processes.add(OtherProcess(message.number, envelope.enclosed()));
            break;
        case Kind::forget_process:
            left.processes.remove(message.number);
            break;
        case Kind::file:
            left.files.emplace_back(message.path.data());
            break;
        case Kind::unfinished:
            left.unfinished.push_back(named(envelope.enclosed(), message));
            break;
        case Kind::forget_unfinished:
            left.forget_unfinished(message.number);
            break;
        case Kind::cgroup:
            left.cgroups.push_back(named(envelope.enclosed(), message));
            break;
        }
    }
    left.end();
    ::_exit(0);
}

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
    ::shutdown(socket_.get(), SHUT_WR); // not close(): a forked child may have the socket, too
    wake();
    int status = 0;
    if (retry_eintr([&] { return ::waitpid(pid_, &status, 0); }) != pid_ || status != 0)
        end_all(); // the guard was killed
}

void OrphanGuard::wake() const noexcept {
    ::kill(pid_, SIGCONT); // its pid is still valid: we have not reaped it
}

// add() is not traced: it runs between fork and exec.
// A guard that does not read must not block us. end_all() handles what it misses from our own
// lists.
void OrphanGuard::tell(const void* message, std::size_t size) const noexcept {
    ::send(socket_.get(), message, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void OrphanGuard::add(pid_t group) const noexcept {
    const Message message{Kind::add, group, {}};
    tell(&message, Message::short_size());
}

void OrphanGuard::adopt(pid_t group) const noexcept {
    trace::debug(trace::Category::os, "guard: add group {}", group);
    left_.with([&](Leftovers& left) { left.processes.add_group(group); });
}

void OrphanGuard::end_all() const noexcept {
    if (is_fork())
        return;
    trace::debug(trace::Category::os, "ending all that the guard knows of");
    wake();
    left_.copy().end();
}

void OrphanGuard::forget(pid_t group) const noexcept {
    trace::debug(trace::Category::os, "guard: forget group {}", group);
    left_.with([&](Leftovers& left) { left.processes.remove_group(group); });
    const Message message{Kind::forget, group, {}};
    tell(&message, Message::short_size());
}

void OrphanGuard::add_process(const OtherProcess& process) const noexcept {
    trace::debug(trace::Category::os, "guard: add process {}", process.pid());
    Message message{Kind::add_process, process.pid(), {}};
    Envelope envelope(&message, Message::short_size());
    envelope.enclose(process.exit_fd());
    envelope.send(socket_.get());
    UniqueFd own(::fcntl(process.exit_fd(), F_DUPFD_CLOEXEC, 3));
    left_.with([&](Leftovers& left) { left.processes.add({process.pid(), std::move(own)}); });
}

void OrphanGuard::forget_process(const OtherProcess& process) const noexcept {
    trace::debug(trace::Category::os, "guard: forget process {}", process.pid());
    left_.with([&](Leftovers& left) { left.processes.remove(process.pid()); });
    const Message message{Kind::forget_process, process.pid(), {}};
    tell(&message, Message::short_size());
}

void OrphanGuard::add_file(std::string_view path) const noexcept {
    Message message{Kind::file, 0, {}};
    if (path.size() >= message.path.size())
        return; // a truncated path may name another file
    trace::debug(trace::Category::os, "guard: add file {}", path);
    path.copy(message.path.data(), path.size());
    tell(&message, sizeof message);
    left_.with([&](Leftovers& left) { left.files.emplace_back(path); });
}

void OrphanGuard::add_cgroup(int parent, std::string_view name) const noexcept {
    add_named(Kind::cgroup, parent, name, 0);
}

int OrphanGuard::add_unfinished(int parent, std::string_view name) const noexcept {
    const int number = ++last_number_;
    add_named(Kind::unfinished, parent, name, number);
    return number;
}

int OrphanGuard::add_unfinished(const std::filesystem::path& path) const noexcept {
    const UniqueFd parent(::open(path.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    return parent ? add_unfinished(parent.get(), path.filename().native()) : 0;
}

void OrphanGuard::forget_unfinished(int number) const noexcept {
    trace::debug(trace::Category::os, "guard: forget unfinished {}", number);
    left_.with([&](Leftovers& left) { left.forget_unfinished(number); });
    const Message message{Kind::forget_unfinished, number, {}};
    tell(&message, Message::short_size());
}

void OrphanGuard::add_named(Kind kind,
                            int parent,
                            std::string_view name,
                            int number) const noexcept {
    Message message{kind, number, {}};
    if (name.size() >= message.path.size())
        return; // a truncated name may name another file
    trace::debug(trace::Category::os, "guard: add {} {} {}",
                 kind == Kind::cgroup ? "cgroup" : "unfinished", name, number);
    name.copy(message.path.data(), name.size());
    Envelope envelope(&message, sizeof message);
    envelope.enclose(parent);
    envelope.send(socket_.get());
    auto own = std::make_shared<UniqueFd>(::fcntl(parent, F_DUPFD_CLOEXEC, 3));
    left_.with([&](Leftovers& left) {
        auto& list = kind == Kind::cgroup ? left.cgroups : left.unfinished;
        list.push_back({std::move(own), std::string(name), number});
    });
}

} // namespace ntd::os
