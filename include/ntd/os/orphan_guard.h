#pragma once

#include <ntd/base/guarded.h>
#include <ntd/base/unique_fd.h>
#include <ntd/os/process_set.h>

#include <sys/types.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ntd::os {

// A small process that ends what the driver leaves behind if it dies without a chance to clean up
// (SIGKILL, out of memory, a crash). It knows the process groups that the driver started: every
// child registers itself between fork and exec, so that none is ever unknown. When the driver's end
// of the socket closes, it sends SIGTERM to the registered groups, then SIGKILL.
//
// PR_SET_PDEATHSIG is not enough: it fires when the *thread* that forked ends, and does not reach
// grandchildren.
class OrphanGuard {
public:
    OrphanGuard(); // forks: construct it before the first thread starts
    ~OrphanGuard();
    OrphanGuard(const OrphanGuard&) = delete;
    OrphanGuard& operator=(const OrphanGuard&) = delete;
    OrphanGuard(OrphanGuard&&) = delete;
    OrphanGuard& operator=(OrphanGuard&&) = delete;

    // Registers or unregisters a process group that is to end with the driver. add() is safe
    // between fork and exec.
    void add(pid_t group) const noexcept;
    void forget(pid_t group) const noexcept;

    // The parent's side of add(): call it once the child exists, so that end_all() knows the group,
    // too.
    void adopt(pid_t group) const noexcept;

    // Ends all groups and cgroups and removes the files, now: SIGTERM, then SIGKILL after two
    // seconds. For the end of the driver, as the guard itself may have been killed.
    void end_all() const noexcept;

    // Registers a process that may have left its group, or was never in one of ours. It is ended
    // like the groups, and identified by a pidfd, so that reuse of its pid does no harm.
    void add_process(const OtherProcess& process) const noexcept;
    void forget_process(const OtherProcess& process) const noexcept;

    // Registers a socket or a symbolic link to remove when the driver ends, the last one first.
    // Paths of more than 200 bytes are ignored.
    void add_file(std::string_view path) const noexcept;

    // Registers an incomplete file or directory, which is removed with its content when the driver
    // ends. Returns the number to pass to forget_unfinished() once it is complete. Names of more
    // than 200 bytes are ignored.
    int add_unfinished(int parent, std::string_view name) const noexcept;
    int add_unfinished(const std::filesystem::path& path) const noexcept;
    void forget_unfinished(int number) const noexcept;

    // Registers a cgroup to end and remove with the groups, see end_cgroup(). It also contains
    // processes that have left their process groups. Names of more than 200 bytes are ignored.
    void add_cgroup(int parent, std::string_view name) const noexcept;

private:
    enum class Kind : char;
    struct Message;

    struct Named {
        std::shared_ptr<UniqueFd> parent; // shared by copies of the list
        std::string name;
        int number; // for forget_unfinished()
    };

    // What is to end with the driver. The guard and the driver each keep a copy.
    struct Leftovers {
        ProcessSet processes;
        std::vector<Named> cgroups;
        std::vector<Named> unfinished;
        std::vector<std::string> files;

        void forget_unfinished(int number);
        void end(); // everything, in the order of the members
    };

    [[noreturn]] static void guard(int socket);
    void wake() const noexcept;
    void add_named(Kind kind, int parent, std::string_view name, int number) const noexcept;
    void tell(const void* message, std::size_t size) const noexcept;

    UniqueFd socket_;
    pid_t pid_ = -1;
    mutable Guarded<Leftovers> left_;
    mutable std::atomic<int> last_number_ = 0;
};

} // namespace ntd::os
