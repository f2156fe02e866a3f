#pragma once

#include <ntd/base/text.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// QEMU's machine protocol (docs/interop/qmp-spec): JSON objects, one a line. Messages stay JSON
// text on their way through the program; only what it decides on is taken out.
namespace ntd::proto {

struct QmpMessage {
    enum class Kind { greeting, success, error, event };
    Kind kind = Kind::greeting;
    std::string json;               // the whole message
    std::optional<std::int64_t> id; // of the command that a success or an error answers
    std::string event;              // name of an event: "SHUTDOWN"
    std::string error_class;        // "CommandNotFound"
    std::string error_description;  // for people
};

// One command with its line end. `arguments` is a JSON object, or empty. Throws UsageError if it is
// not JSON.
std::string qmp_command(std::string_view name, std::string_view arguments, std::int64_t id);

// Whether an event's JSON has "guest": true in its data (SHUTDOWN, RESET).
bool qmp_caused_by_guest(const QmpMessage& event);

// When QEMU has seen what an event tells of, by the clock of the host; the end of time if it does
// not say.
std::chrono::system_clock::time_point qmp_time(const QmpMessage& event);

// Whether a VSERPORT_CHANGE event says that the guest has the port of that id open; none if the
// event is about something else.
std::optional<bool> qmp_port_is_open(const QmpMessage& event, std::string_view id);

// A JSON object {"name": "value", ...} of strings, for arguments.
std::string
json_object(std::initializer_list<std::pair<std::string_view, std::string_view>> members);

class QmpDecoder {
public:
    void feed(std::string_view bytes) { lines_.feed(bytes); }

    // The next message. Throws ProtocolError for a line that is none; the one after it may be asked
    // for again.
    std::optional<QmpMessage> next();

private:
    LineSplitter lines_{64 << 20};
};

} // namespace ntd::proto
