#pragma once

#include <ntd/machine/machine_process.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ntd::bindings {

// The object behind machine.process. Keeps the process's status after the machine has dropped it.
class ProcessHandle {
public:
    // `running` is the machine's state for its process, shared with it.
    template <typename Running>
    ProcessHandle(std::shared_ptr<Running> running,
                  os::Interrupt& interrupt,
                  std::vector<std::string> args)
        : process_(running, &running->process), interrupt_(interrupt), args_(std::move(args)) {}

    pid_t pid() const { return process_->child().pid(); }
    const std::vector<std::string>& args() const { return args_; }
    std::optional<int> poll() const { return returncode(process_->child().poll()); }
    std::optional<int> wait(machine::Timeout timeout) const {
        return returncode(process_->child().wait(machine::deadline_of(timeout), interrupt_));
    }
    void signal(int number) const { process_->child().signal(number); }
    int stdin_fd() const { return process_->stdin_fd(); }
    int stdout_fd() const { return process_->stdout_fd(); }

private:
    static std::optional<int> returncode(const std::optional<os::ExitStatus>& status) {
        return status ? std::optional(status->returncode()) : std::nullopt;
    }

    std::shared_ptr<machine::MachineProcess> process_; // keeps `running` alive
    os::Interrupt& interrupt_;
    std::vector<std::string> args_;
};

// machine.pid
template <typename Kind>
std::optional<pid_t> pid_of(const Kind& self) {
    const auto running = self.running_or_null();
    return running ? std::optional(running->process.child().pid()) : std::nullopt;
}

} // namespace ntd::bindings
