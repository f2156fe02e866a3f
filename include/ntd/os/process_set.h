#pragma once

#include <ntd/base/deadline.h>
#include <ntd/os/other_process.h>

#include <sys/types.h>

#include <memory>
#include <set>
#include <vector>

namespace ntd::os {

// Process groups and single processes that are to end together. Copies share the processes.
class ProcessSet {
public:
    void add_group(pid_t group) { groups_.insert(group); }
    void remove_group(pid_t group) { groups_.erase(group); }

    // Adds a process that may have left its group, or was never in one of ours. Does nothing if the
    // process is in the set already or has ended.
    void add(OtherProcess process);

    // Of two processes with the same pid, removes the older one, which has ended.
    void remove(pid_t pid);

    const std::vector<std::shared_ptr<const OtherProcess>>& processes() const { return processes_; }

    // Sends a signal to all. Includes, from the first call on, the groups that the processes lead,
    // because their children may outlive them.
    void signal(int number);

    // Waits until the group leaders and the processes have ended. Cannot be interrupted.
    void wait_for_ends(Deadline deadline) const;

    bool processes_have_ended() const;

private:
    std::set<pid_t> groups_;
    std::vector<std::shared_ptr<const OtherProcess>> processes_;
};

} // namespace ntd::os
