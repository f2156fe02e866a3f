#pragma once

#include <ntd/base/error.h>
#include <ntd/machine/host.h>
#include <ntd/machine/turn.h>
#include <ntd/os/broadcast.h>
#include <ntd/os/channel.h>
#include <ntd/proto/qmp_codec.h>

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace ntd::qemu {

// QEMU refused a command: {"error": {"class": ..., "desc": ...}}.
class QmpError : public Error {
public:
    QmpError(std::string class_name_, std::string description_)
        : Error("{}: {}", class_name_, description_), class_name(std::move(class_name_)),
          description(std::move(description_)) {}

    std::string class_name;
    std::string description;
};

// A QMP session. The I/O thread reads. Any thread may send commands and wait, several at a time.
class QmpClient {
public:
    // Connects and negotiates. `exit_fd` becomes readable when QEMU ends. The I/O thread calls
    // `on_event` for each event. Throws SystemError, ProtocolError, TimeoutError, MachineError
    // (QEMU has ended).
    using OnEvent = std::function<void(const proto::QmpMessage& event)>;
    QmpClient(const std::string& path,
              int exit_fd,
              const machine::Host& host,
              OnEvent on_event,
              Deadline deadline);

    int fd() const { return channel_.fd(); } // the connection's file descriptor

    // Returns the whole answer as JSON text. `arguments` is a JSON object or empty. Throws
    // QmpError, TimeoutError, and MachineError if the connection closes.
    std::string send(std::string_view command, std::string_view arguments, Deadline deadline);

    // Takes the oldest event that no caller has taken yet, as JSON text. Waits for one until the
    // deadline, then returns nullopt.
    std::optional<std::string> next_event(Deadline deadline);

private:
    struct State {
        bool greeted = false;
        std::map<std::int64_t, std::optional<proto::QmpMessage>> answers; // waited for, by id
        std::deque<std::string> events;
        std::size_t bytes_of_events = 0;
        std::optional<std::string> broken; // the error that ended the session

        void add_event(std::string json);
        std::string take_event();
    };

    bool on_readable();
    void hand_over(std::string_view line, std::string_view command, Deadline deadline);
    void take(proto::QmpMessage message);

    // Waits until `look` returns true. Returns false at the deadline.
    bool wait_until(const std::function<bool(State&)>& look, Deadline deadline);

    const machine::Host& host_;
    OnEvent on_event_;
    int exit_fd_;
    os::Channel channel_;
    machine::Turn sending_{"QMP"};
    proto::QmpDecoder decoder_; // I/O thread
    Guarded<State> state_;
    Guarded<std::int64_t> last_id_{0};
    os::Broadcast changed_;
    os::EventLoop::Watch watch_; // last: its callback uses the rest
};

} // namespace ntd::qemu
