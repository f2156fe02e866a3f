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

// A QMP session. The I/O thread reads; commands and waits are for any thread, several at once.
class QmpClient {
public:
    // Connects and negotiates. `exit_fd` becomes readable when QEMU ends; `on_event` is called on
    // the I/O thread with each event.
    // Throws SystemError, ProtocolError, TimeoutError, MachineError (QEMU has ended).
    using OnEvent = std::function<void(const proto::QmpMessage& event)>;
    QmpClient(const std::string& path,
              int exit_fd,
              const machine::Host& host,
              OnEvent on_event,
              Deadline deadline);

    int fd() const { return channel_.fd(); } // of the connection

    // The whole answer as JSON text. `arguments` is a JSON object or empty. Throws QmpError,
    // MachineError when the connection ends, TimeoutError.
    std::string send(std::string_view command, std::string_view arguments, Deadline deadline);

    // The next event, as JSON text, of those that came in and were not yet asked for; waits until
    // the deadline, then nullopt.
    std::optional<std::string> next_event(Deadline deadline);

private:
    struct State {
        bool greeted = false;
        std::map<std::int64_t, std::optional<proto::QmpMessage>> answers; // that are waited for
        std::deque<std::string> events;
        std::size_t bytes_of_events = 0;
        std::optional<std::string> broken; // why nothing will come any more

        void add_event(std::string json);
        std::string take_event();
    };

    bool on_readable();
    void hand_over(std::string_view line, std::string_view command, Deadline deadline);
    void take(proto::QmpMessage message);

    // Waits until `look` finds what it wants in the state, or the deadline.
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
