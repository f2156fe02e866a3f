#pragma once

#include <functional>
#include <string>

#include <sys/types.h>

namespace fake {

// The "guest": a directory as its file system, and a bash that reads commands from the shell
// channel. Owned by Machine. Its processes stay in our process group, and we end them, as their
// subreaper.
class Guest {
public:
    Guest(std::string directory, std::string name);

    // Makes the directory and the command links, and empties the guest's /tmp. Programs in `path`,
    // if given, come before all others.
    void prepare(const std::string& path);
    // Starts bash with `channel` as stdin and stdout. `port` is the open device of the driver's
    // virtio-serial port, or -1. `greet` runs first, in the new process. Returns false, with errno
    // set, on failure.
    using Greet = std::function<void()>;
    bool start_shell(int channel, int port, const Greet& greet);
    // Ends every process of the guest and reaps it.
    void kill_all();
    void signal_all(int signal) const;
    // Reaps ended processes. Returns whether bash was among them.
    bool reap();
    bool has_shell() const noexcept { return shell_ > 0; }
    std::string control_path() const { return directory_ + "/control"; }

private:
    [[noreturn]] void become_shell(int channel, int port, pid_t parent, const Greet& greet) const;

    std::string directory_;
    std::string name_;
    std::string commands_;
    pid_t shell_ = -1;
};

} // namespace fake
