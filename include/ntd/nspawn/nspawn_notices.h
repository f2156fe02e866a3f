#pragma once

#include <ntd/base/guarded.h>
#include <ntd/machine/console_log.h>
#include <ntd/machine/host.h>
#include <ntd/os/event_loop.h>
#include <ntd/os/other_process.h>
#include <ntd/os/unix_socket.h>

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <optional>

namespace ntd::nspawn {

// What systemd-nspawn says of its container on the socket in $NOTIFY_SOCKET, see sd_notify(3):
// which process is the init, and that this has booted. It is read by the I/O thread as long as this
// lives: with each daemon-reexec the container's systemd says again that it is ready, and it stops
// when nobody takes that.
//
// Anything may come, as a guest's words may be passed on. Only those are heeded that a process of
// the start script says, outside of the container, and of an init only if the script has started
// it.
class NspawnNotices {
public:
    // `console` tells those who wait that there is something new.
    NspawnNotices(std::unique_ptr<os::UnixDatagrams> socket,
                  pid_t start_script,
                  machine::ConsoleLog& console,
                  const machine::Host& host);
    ~NspawnNotices();
    NspawnNotices(const NspawnNotices&) = delete;
    NspawnNotices& operator=(const NspawnNotices&) = delete;
    NspawnNotices(NspawnNotices&&) = delete;
    NspawnNotices& operator=(NspawnNotices&&) = delete;

    // The container has ended, and another socket may take the place of this one.
    void end() noexcept;

    const UniqueFd& fd() const { return socket_->fd(); }

    // Number of systemd-nspawn, once it has said which process is its init.
    std::optional<pid_t> nspawn() const;

    // Whether it has said that all is ready; and whether that is still to come.
    bool is_ready() const;
    bool is_booting() const { return nspawn() && !is_ready(); }

private:
    struct State {
        std::optional<pid_t> nspawn;
        os::OtherProcess init;
        bool is_ready = false;
    };

    void read();
    void take(const os::Datagram& datagram);

    std::unique_ptr<os::UnixDatagrams> socket_;
    pid_t start_script_;
    machine::ConsoleLog& console_;
    const machine::Host& host_;
    Guarded<State> state_; // the I/O thread writes
    std::atomic<bool> ended_ = false;
    int leftover_;               // the guard's number for the socket's file
    os::EventLoop::Watch watch_; // last: its callback uses the rest
};

} // namespace ntd::nspawn
