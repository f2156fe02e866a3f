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

// A small process beside ours that ends what we leave behind when we die without a chance to clean
// up (SIGKILL, out of memory, a crash). It knows the process groups we started: every child
// announces itself between fork and exec, so there is no moment in which one is unknown. When our
// end of the socket closes, it sends SIGTERM to the groups still known, then SIGKILL.
//
// PR_SET_PDEATHSIG would not do: it fires when the *thread* that forked ends, and it does not reach
// grandchildren.
class OrphanGuard {
public:
    OrphanGuard(); // forks: call it before the first thread is started
    ~OrphanGuard();
    OrphanGuard(const OrphanGuard&) = delete;
    OrphanGuard& operator=(const OrphanGuard&) = delete;
    OrphanGuard(OrphanGuard&&) = delete;
    OrphanGuard& operator=(OrphanGuard&&) = delete;

    // Whether a process group is to be ended with us. add() is safe between fork and exec.
    void add(pid_t group) const noexcept;
    void forget(pid_t group) const noexcept;

    // The parent's side of add(), once the child is there: for end_all().
    void adopt(pid_t group) const noexcept;

    // Ends all groups and cgroups and removes the files, now: SIGTERM, then SIGKILL after two
    // seconds. For the way out of the process; the guard itself may have been killed.
    void end_all() const noexcept;

    // A process that may have left its group, or was never in one of ours: it is ended like the
    // groups, whatever becomes of its number.
    void add_process(const OtherProcess& process) const noexcept;
    void forget_process(const OtherProcess& process) const noexcept;

    // A socket or a symbolic link to remove at our end, the last one first. A path of
    // more than 200 bytes is passed over.
    void add_file(std::string_view path) const noexcept;

    // A file or directory to remove at our end with all that is in it, until it is forgotten by the
    // number that this returns: what would be left half done. A name of more than 200 bytes is
    // passed over.
    int add_unfinished(int parent, std::string_view name) const noexcept;
    int add_unfinished(const std::filesystem::path& path) const noexcept;
    void forget_unfinished(int number) const noexcept;

    // A cgroup to end and remove with the groups, see end_cgroup(): it has those, too, that have
    // left their process groups. A name of more than 200 bytes is passed over.
    void add_cgroup(int parent, std::string_view name) const noexcept;

private:
    enum class Kind : char;
    struct Message;

    struct Named {
        std::shared_ptr<UniqueFd> parent; // for copies of the list
        std::string name;
        int number; // of what is unfinished
    };

    // What is to end with us. The guard has one, and so have we.
    struct Leftovers {
        ProcessSet processes;
        std::vector<Named> cgroups;
        std::vector<Named> unfinished;
        std::vector<std::string> files;

        void forget_unfinished(int number);
        void end(); // all, in this order
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
