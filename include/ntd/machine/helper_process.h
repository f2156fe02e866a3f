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

// A program that works beside the machines, for as long as this object lives (or until stop()).
// Its pipes are kept empty, and the end of what it says is kept for the error that tells of its
// end. An end that nobody asked for is in the log at once, unless it is the caller's to tell.
class HelperProcess {
public:
    // Gets what the process writes to its standard output, on the I/O thread: these are answers,
    // and no part of its last words.
    using OnOutput = std::function<void(std::string_view)>;

    // Who tells of an end that nobody asked for: the log, or the caller (by check()) as long as
    // that waits for the process to be of use.
    enum class End { in_the_log, left_to_caller };

    // `what` names it in messages: "vhost-device-vsock". Throws SystemError.
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
    os::Channel& input() { return stdin_; } // if the spec has a pipe for it

    void leave_end_to_log(); // from now on

    // Throws MachineError, with how it ended and its last words, if it has.
    void check();

    // SIGTERM to all that it has started, then SIGKILL. Does not throw, cannot be interrupted.
    void stop() noexcept;

    // The same, and on_output has got all that it has written.
    void stop_and_read() noexcept;

private:
    struct State {
        End end;
        std::string text = {}; // the end of what it has said
        bool stopping = false;
        bool ended = false; // and all that it has said has been read
        bool told = false;  // in the log
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
    os::EventLoop::Watch stdout_watch_; // last: their callbacks use the rest
    os::EventLoop::Watch stderr_watch_;
    os::EventLoop::Watch exit_watch_;
};

} // namespace ntd::machine
