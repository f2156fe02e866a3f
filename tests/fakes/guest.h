#pragma once

#include <functional>
#include <string>

#include <sys/types.h>

namespace fake {

// The "guest": a directory that stands for its file system and a bash that reads commands from
// the shell channel. Owned by Machine. Its processes stay in our process group, and are ours to
// end: we are their subreaper.
class Guest {
public:
    Guest(std::string directory, std::string name);

    // Makes the directory and finds or makes the command links; empties its /tmp.
    // Programs in `path`, if it is not empty, stand before all others.
    void prepare(const std::string& path);
    // Starts bash on `channel`, which becomes its stdin and stdout; `port`, if it is not -1, is the
    // open device of the driver's virtio-serial port. What `greet` does comes first, in the new
    // process. False with errno set.
    using Greet = std::function<void()>;
    bool start_shell(int channel, int port, const Greet& greet);
    // Ends every process of the guest and reaps it.
    void kill_all();
    void signal_all(int signal) const;
    // Reaps what ended. True if bash was among it.
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
