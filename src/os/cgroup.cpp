#include <ntd/os/cgroup.h>

#include <ntd/base/deadline.h>
#include <ntd/base/error.h>
#include <ntd/base/forks.h>
#include <ntd/os/orphan_guard.h>
#include <ntd/os/syscall.h>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <memory>
#include <string_view>

namespace ntd::os {

namespace {

UniqueFd open_in(int directory, const char* name, int flags) {
    return UniqueFd(::openat(directory, name, flags | O_CLOEXEC));
}

// Reads cgroup.events, whose changes the kernel signals with POLLPRI (cgroups(7)).
bool is_populated(int events) {
    std::array<char, 128> text{};
    const auto size = retry_eintr([&] { return ::pread(events, text.data(), text.size(), 0); });
    return size > 0 &&
           std::string_view(text.data(), static_cast<std::size_t>(size)).find("populated 1") !=
               std::string_view::npos;
}

void wait_until_empty(int cgroup) {
    using namespace std::chrono_literals;
    const auto events = open_in(cgroup, "cgroup.events", O_RDONLY);
    const auto deadline = Deadline::after(2s);
    pollfd changed{events.get(), POLLPRI, 0};
    while (events && is_populated(events.get()) && !deadline.passed())
        retry_eintr([&] { return ::poll(&changed, 1, deadline.left_ms()); });
}

// Removes children first: the kernel refuses to remove a cgroup that has any.
void remove_tree(int parent, const char* name) {
    const auto closedir = [](DIR* directory) { ::closedir(directory); };
    auto fd = open_in(parent, name, O_RDONLY | O_DIRECTORY);
    const std::unique_ptr<DIR, decltype(closedir)> entries(fd ? ::fdopendir(fd.get()) : nullptr);
    if (!entries)
        return;
    fd.release(); // closed with `entries`
    while (const dirent* entry = ::readdir(entries.get())) {
        const std::string_view entry_name = entry->d_name;
        if (entry->d_type == DT_DIR && entry_name != "." && entry_name != "..")
            remove_tree(::dirfd(entries.get()), entry->d_name);
    }
    ::unlinkat(parent, name, AT_REMOVEDIR);
}

} // namespace

void end_cgroup(int parent, const char* name) noexcept {
    const auto cgroup = open_in(parent, name, O_RDONLY | O_DIRECTORY);
    if (!cgroup)
        return;
    const auto kill = open_in(cgroup.get(), "cgroup.kill", O_WRONLY);
    (void)!::write(kill.get(), "1", 1);
    wait_until_empty(cgroup.get());
    remove_tree(parent, name);
}

// /proc/PID/cgroup has a path in our cgroup namespace, "0::/us/box/payload/init.scope". How much of
// it leads to `above` is unknown, so this tries its suffixes, the longest first.
UniqueFd open_cgroup_of(pid_t process, int above) {
    std::ifstream lines(fmt::format("/proc/{}/cgroup", process));
    std::string rest;
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with("0::"))
            rest = line.substr(3);
    open_how how{};
    how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
    for (auto slash = rest.find('/'); slash != rest.npos; slash = rest.find('/')) {
        rest.erase(0, slash + 1);
        UniqueFd found(static_cast<int>(
            ::syscall(SYS_openat2, above, rest.empty() ? "." : rest.c_str(), &how, sizeof how)));
        if (found)
            return found;
    }
    return open_in(above, ".", O_RDONLY | O_DIRECTORY);
}

Cgroup::Cgroup(int parent, std::string name, const OrphanGuard* guard)
    : name_(std::move(name)), parent_(::fcntl(parent, F_DUPFD_CLOEXEC, 3)) {
    end_cgroup(parent, name_.c_str()); // left by an earlier process with our pid
    if (guard != nullptr)
        guard->add_cgroup(parent, name_);
    if (::mkdirat(parent, name_.c_str(), 0755) < 0)
        throw_errno("make the cgroup '{}'", name_);
    directory_ = open_in(parent, name_.c_str(), O_RDONLY | O_DIRECTORY);
    procs_ = open_in(directory_.get(), "cgroup.procs", O_WRONLY);
    if (!procs_)
        throw_errno("open the cgroup '{}'", name_);
    if (::faccessat(directory_.get(), "cgroup.kill", W_OK, 0) < 0)
        throw_errno("find cgroup.kill, which kernels have since 5.14, in the cgroup '{}'", name_);
}

Cgroup::~Cgroup() {
    if (!is_fork())
        end_cgroup(parent_.get(), name_.c_str());
}

} // namespace ntd::os
