#include <ntd/os/container_entry.h>

#include <ntd/base/error.h>
#include <ntd/os/sealed_file.h>

#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string_view>
#include <utility>

// The embedded program src/os/porter, if it was built.
#ifdef NTD_PORTER
asm(".pushsection .rodata\n"
    "ntd_porter_begin: .incbin \"" NTD_PORTER "\"\n"
    "ntd_porter_end: .popsection\n");

extern "C" const char ntd_porter_begin;
extern "C" const char ntd_porter_end;
#endif

namespace ntd::os {

namespace {

constexpr std::array<std::pair<const char*, std::uint64_t>, 8> kinds{{{"user", CLONE_NEWUSER},
                                                                      {"mnt", CLONE_NEWNS},
                                                                      {"pid", CLONE_NEWPID},
                                                                      {"uts", CLONE_NEWUTS},
                                                                      {"ipc", CLONE_NEWIPC},
                                                                      {"net", CLONE_NEWNET},
                                                                      {"cgroup", CLONE_NEWCGROUP},
                                                                      {"time", CLONE_NEWTIME}}};

// The functions below read /proc by pid. If init has ended, they may read another process, but that
// does no harm: the porter uses init's pidfd and fails.

// The namespaces of the process that differ from ours: for some kinds setns(2) fails if we are in
// the namespace already.
std::uint64_t namespaces_of(pid_t process) {
    std::uint64_t result = 0;
    for (const auto& [name, flag] : kinds) {
        struct stat ours {};
        struct stat theirs {};
        if (::stat(fmt::format("/proc/thread-self/ns/{}", name).c_str(), &ours) == 0 &&
            ::stat(fmt::format("/proc/{}/ns/{}", process, name).c_str(), &theirs) == 0 &&
            ours.st_ino != theirs.st_ino)
            result |= flag;
    }
    return result;
}

UniqueFd open_root(pid_t process) {
    return UniqueFd(
        ::open(fmt::format("/proc/{}/root", process).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

// Reads lines such as "CapBnd:\t000001ffffffffff". A process's name cannot fake one, because the
// kernel escapes line ends in it.
std::array<std::uint64_t, 6> rights_of(pid_t process) {
    constexpr std::array<std::string_view, 6> names{"CapInh", "CapPrm",     "CapEff",
                                                    "CapBnd", "NoNewPrivs", "Seccomp"};
    std::array<std::uint64_t, 6> result{};
    std::ifstream status(fmt::format("/proc/{}/status", process));
    for (std::string line; std::getline(status, line);) {
        const auto colon = std::min(line.find(':'), line.size());
        const auto* name = std::find(names.begin(), names.end(), line.substr(0, colon));
        if (name != names.end())
            result.at(static_cast<std::size_t>(name - names.begin())) =
                std::strtoull(line.c_str() + colon + 1, nullptr, 16);
    }
    return result;
}

// Whether a child would inherit our terminal. If that is unknown, true.
bool has_terminal() {
    return UniqueFd(::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)) || errno != ENXIO;
}

std::string_view porter_program() {
#ifdef NTD_PORTER
    return {&ntd_porter_begin, static_cast<std::size_t>(&ntd_porter_end - &ntd_porter_begin)};
#else
    throw SystemError(ENOSYS, "enter a container on this processor");
#endif
}

} // namespace

ContainerEntry::ContainerEntry(pid_t init)
    : init_(init), porter_(sealed_file("ntd-porter", porter_program())) {}

// Reads the rights first. If init moves to a nested user namespace, where it has all capabilities,
// it cannot come back; so rights read before the namespaces are never too many.
ChildProcess ContainerEntry::start(ProcessSpec spec,
                                   int cgroup,
                                   const std::vector<std::string>& programs,
                                   const OrphanGuard& guard) const {
    const auto rights = rights_of(init_.pid());
    const auto namespaces = namespaces_of(init_.pid());
    const auto root = open_root(init_.pid());
    std::vector<std::string> argv{"ntd-porter", std::to_string(init_.exit_fd()),
                                  std::to_string(namespaces), std::to_string(root.get()),
                                  std::to_string(cgroup)};
    for (const auto right : rights)
        argv.push_back(std::to_string(right));
    argv.push_back(std::to_string(programs.size()));
    argv.insert(argv.end(), programs.begin(), programs.end());
    argv.emplace_back(); // place for the program that is executed
    argv.insert(argv.end(), spec.argv.begin(), spec.argv.end());
    spec.argv = std::move(argv);
    spec.program_fd = porter_.get();
    spec.inherited = {init_.exit_fd(), root.get(), cgroup};
    // Only if needed: on a busy host the first process of a new session is scheduled later.
    spec.new_session = has_terminal();
    return ChildProcess(spec, guard);
}

bool ContainerEntry::has(const char* path) const {
    const auto root = open_root(init_.pid());
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_CACHED;
    return static_cast<bool>(
        UniqueFd(static_cast<int>(::syscall(SYS_openat2, root.get(), path, &how, sizeof how))));
}

} // namespace ntd::os
