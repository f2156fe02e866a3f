#pragma once

#include <ntd/base/guarded.h>
#include <ntd/machine/host.h>
#include <ntd/os/broadcast.h>
#include <ntd/os/channel.h>
#include <ntd/os/child_process.h>

#include <functional>
#include <string>
#include <string_view>

namespace ntd::machine {

// A program that runs beside the machines until the destructor or stop(). Its output is read all
// the time, and the end of it is kept for error messages. An unexpected end is logged at once,
// unless the caller is to report it (End).
class HelperProcess {
public:
    // Called on the I/O thread with what the process writes to standard output. This output is then
    // not kept for error messages.
    using OnOutput = std::function<void(std::string_view)>;

    // Who reports an unexpected end: the log, or the caller by check(), for as long as it waits
    // until the process is ready.
    enum class End { in_the_log, left_to_caller };

    // `what` is the name in messages, such as "vhost-device-vsock". Throws SystemError.
    HelperProcess(std::string what,
                  const os::ProcessSpec& spec,
                  const Host& host,
                  OnOutput on_output = {},
                  End end = End::in_the_log);
    ~HelperProcess();
    HelperProcess(const HelperProcess&) = delete;
    HelperProcess& operator=(const HelperProcess&) = delete;
    HelperProcess(HelperProcess&&) = delete;
    HelperProcess& operator=(HelperProcess&&) = delete;

    pid_t pid() const { return process_.pid(); }
    int exit_fd() const { return process_.exit_fd(); }
    const std::string& what() const { return what_; }
    os::Channel& input() { return stdin_; } // needs a stdin pipe in the spec

    void leave_end_to_log(); // for an end from now on

    // Throws MachineError if the process has ended. The message says how, and quotes its last
    // output.
    void check();

    // Sends SIGTERM to the process and all that it has started, then SIGKILL. Does not throw and
    // cannot be interrupted.
    void stop() noexcept;

    // Like stop(), and passes the remaining output to on_output.
    void stop_and_read() noexcept;

private:
    struct State {
        End end;
        std::string text = {}; // the end of its output
        bool stopping = false;
        bool ended = false; // and its output was read completely
        bool told = false;  // the end was logged
    };

    bool on_readable(os::ByteStream& stream, const OnOutput& on_output);
    bool on_exit();
    void tell_of_end(const std::function<void(State&)>& change);
    std::string how_it_ended();

    std::string what_;
    const Host& host_;
    OnOutput on_output_;
    os::ChildProcess process_;
    os::Channel stdin_;
    os::ByteStream stdout_;
    os::ByteStream stderr_;
    Guarded<State> state_;
    os::Broadcast changed_;
    os::EventLoop::Watch stdout_watch_; // last: their callbacks use the other members
    os::EventLoop::Watch stderr_watch_;
    os::EventLoop::Watch exit_watch_;
};

} // namespace ntd::machine
