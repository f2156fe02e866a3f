#include <ntd/os/process_set.h>
#include <ntd/trace/trace.h>

#include <algorithm>
#include <csignal>
#include <utility>

namespace ntd::os {

void ProcessSet::add(OtherProcess process) {
    const auto is_same = [&](const auto& known) {
        return known->pid() == process.pid() && !known->has_ended();
    };
    if (!process.has_ended() && std::none_of(processes_.begin(), processes_.end(), is_same))
        processes_.push_back(std::make_shared<const OtherProcess>(std::move(process)));
}

void ProcessSet::remove(pid_t pid) {
    const auto it = std::find_if(processes_.begin(), processes_.end(),
                                 [pid](const auto& process) { return process->pid() == pid; });
    if (it != processes_.end())
        processes_.erase(it);
}

// A group's id is not reused while its leader lives, so it can be added to the groups here.
void ProcessSet::signal(int number) {
    for (const auto& process : processes_)
        if (process->group() == process->pid())
            groups_.insert(process->pid());
    for (const auto& process : processes_)
        if (!groups_.contains(process->group())) {
            trace::debug(trace::Category::os, "signal {} to process {}", number, process->pid());
            process->signal(number);
        }
    for (const pid_t group : groups_) {
        trace::debug(trace::Category::os, "signal {} to group {}", number, group);
        ::kill(-group, number);
    }
}

void ProcessSet::wait_for_ends(Deadline deadline) const {
    for (const pid_t group : groups_)
        OtherProcess(group).wait_for_end(deadline);
    for (const auto& process : processes_)
        process->wait_for_end(deadline);
}

bool ProcessSet::processes_have_ended() const {
    return std::all_of(processes_.begin(), processes_.end(),
                       [](const auto& process) { return process->has_ended(); });
}

} // namespace ntd::os
