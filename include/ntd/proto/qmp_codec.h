#pragma once

#include <ntd/base/text.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// QEMU's machine protocol (QMP, docs/interop/qmp-spec): JSON objects, one per line. Messages are
// passed on as JSON text; only the fields that the driver needs are parsed.
namespace ntd::proto {

struct QmpMessage {
    enum class Kind { greeting, success, error, event };
    Kind kind = Kind::greeting;
    std::string json;               // the whole message
    std::optional<std::int64_t> id; // of the command that a success or an error answers
    std::string event;              // name of an event: "SHUTDOWN"
    std::string error_class;        // "CommandNotFound"
    std::string error_description;  // message for people
};

// Encodes a command, with its line end. `arguments` is a JSON object, or empty. Throws UsageError
// if it is not JSON.
std::string qmp_command(std::string_view name, std::string_view arguments, std::int64_t id);

// Whether an event has "guest": true in its data (SHUTDOWN, RESET).
bool qmp_caused_by_guest(const QmpMessage& event);

// The timestamp of an event, by the host's clock; the maximum if it has none.
std::chrono::system_clock::time_point qmp_time(const QmpMessage& event);

// For a VSERPORT_CHANGE event about the port `id`: whether the guest has opened the port. Nothing
// for other events.
std::optional<bool> qmp_port_is_open(const QmpMessage& event, std::string_view id);

// A JSON object {"name": "value", ...} of strings, for arguments.
std::string
json_object(std::initializer_list<std::pair<std::string_view, std::string_view>> members);

class QmpDecoder {
public:
    void feed(std::string_view bytes) { lines_.feed(bytes); }

    // The next message, if there is one. Throws ProtocolError for a line that is not a message; the
    // next call continues with the line after it.
    std::optional<QmpMessage> next();

private:
    LineSplitter lines_{64 << 20};
};

} // namespace ntd::proto
