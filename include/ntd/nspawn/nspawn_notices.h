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

// Reads what systemd-nspawn sends to $NOTIFY_SOCKET, see sd_notify(3): the pid of the container's
// init, and that the container is ready. The I/O thread reads as long as this object lives. The
// container's systemd sends READY=1 again after each daemon-reexec, and it blocks if nobody reads.
//
// A guest's messages may be passed on, so any message may arrive. We accept messages only from
// processes of the start script outside of the container, and pids of init only if the start script
// started that process.
class NspawnNotices {
public:
    // `console` wakes its waiters for each message.
    NspawnNotices(std::unique_ptr<os::UnixDatagrams> socket,
                  pid_t start_script,
                  machine::ConsoleLog& console,
                  const machine::Host& host);
    ~NspawnNotices();
    NspawnNotices(const NspawnNotices&) = delete;
    NspawnNotices& operator=(const NspawnNotices&) = delete;
    NspawnNotices(NspawnNotices&&) = delete;
    NspawnNotices& operator=(NspawnNotices&&) = delete;

    // Stops reading because the container has ended. Another socket may then use this path.
    void end() noexcept;

    const UniqueFd& fd() const { return socket_->fd(); }

    // The pid of systemd-nspawn, after it has announced its init.
    std::optional<pid_t> nspawn() const;

    // is_ready(): READY=1 has arrived. is_booting(): READY=1 is still to come.
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
    Guarded<State> state_; // written by the I/O thread
    std::atomic<bool> ended_ = false;
    int leftover_;               // the guard's id of the socket's file
    os::EventLoop::Watch watch_; // last: its callback uses the rest
};

} // namespace ntd::nspawn
