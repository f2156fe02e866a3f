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

// The program src/os/porter, where there is one.
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

// What follows is about init as long as that has not ended. Afterwards it may be about anybody, but
// the porter starts with init's descriptor, and gets nowhere.

// Without those that we are in already: the kernel refuses that for some kinds.
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

// The lines are "CapBnd:\t000001ffffffffff". No name of a process can have a line's end in it.
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

// Whether a child of ours would have one. It is said no only where that is known.
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

// Rights first: init may go into a user namespace below its own meanwhile, where it has all of
// them, and never back.
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
    argv.emplace_back(); // for the one that is executed
    argv.insert(argv.end(), spec.argv.begin(), spec.argv.end());
    spec.argv = std::move(argv);
    spec.program_fd = porter_.get();
    spec.inherited = {init_.exit_fd(), root.get(), cgroup};
    // On a busy machine the first process of a new session waits longer for its turn.
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
