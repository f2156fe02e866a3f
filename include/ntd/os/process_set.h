#pragma once

#include <ntd/base/deadline.h>
#include <ntd/os/other_process.h>

#include <sys/types.h>

#include <memory>
#include <set>
#include <vector>

namespace ntd::os {

// Process groups, and processes beside them, that are to end together. Copies share the processes.
class ProcessSet {
public:
    void add_group(pid_t group) { groups_.insert(group); }
    void remove_group(pid_t group) { groups_.erase(group); }

    // One that may have left its group, or was never in one of ours. Nothing if it is there, or has
    // ended.
    void add(OtherProcess process);

    // Of two with the same number the older one, which has ended.
    void remove(pid_t pid);

    const std::vector<std::shared_ptr<const OtherProcess>>& processes() const { return processes_; }

    // To all, and from the first time on to the groups that the processes lead, too: what a process
    // has started may live on after it.
    void signal(int number);

    // Until the leaders of the groups and the processes have ended. Cannot be interrupted.
    void wait_for_ends(Deadline deadline) const;

    bool processes_have_ended() const;

private:
    std::set<pid_t> groups_;
    std::vector<std::shared_ptr<const OtherProcess>> processes_;
};

} // namespace ntd::os
