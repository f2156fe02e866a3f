#pragma once

#include <ntd/machine/machine.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ntd::bindings {

// The object behind machine.process. Keeps the process's status after the machine has dropped it.
class ProcessHandle {
public:
    // `run` is the machine's state for its process, shared with it.
    ProcessHandle(std::shared_ptr<machine::Run> run,
                  os::Interrupt& interrupt,
                  std::vector<std::string> args)
        : run_(std::move(run)), interrupt_(interrupt), args_(std::move(args)) {}

    pid_t pid() const { return run_->process.child().pid(); }
    const std::vector<std::string>& args() const { return args_; }
    std::optional<int> poll() const { return returncode(run_->process.child().poll()); }
    std::optional<int> wait(machine::Timeout timeout) const {
        return returncode(run_->process.child().wait(machine::deadline_of(timeout), interrupt_));
    }
    void signal(int number) const { run_->process.child().signal(number); }
    int stdin_fd() const { return run_->process.stdin_fd(); }
    int stdout_fd() const { return run_->process.stdout_fd(); }

private:
    static std::optional<int> returncode(const std::optional<os::ExitStatus>& status) {
        return status ? std::optional(status->returncode()) : std::nullopt;
    }

    std::shared_ptr<machine::Run> run_; // shared with the machine
    os::Interrupt& interrupt_;
    std::vector<std::string> args_;
};

// machine.pid
inline std::optional<pid_t> pid_of(const machine::Machine& self) {
    const auto run = self.run_or_null();
    return run ? std::optional(run->process.child().pid()) : std::nullopt;
}

} // namespace ntd::bindings
