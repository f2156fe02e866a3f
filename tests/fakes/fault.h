#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace fake {

// How a channel misbehaves. `silent` also reads nothing. `half` sends half of its last answer. The
// babble is a message for QMP and plain text for the others.
enum class Fault { none, closed, silent, babbling, slow, half, twice };

// Throws std::invalid_argument.
Fault fault_named(const std::string& name);

// A fault of one channel: shell, port, monitor, qmp, console.
struct FaultyChannel {
    Fault fault;
    std::string channel;
};

constexpr auto slow_pace = std::chrono::milliseconds(100); // per byte

constexpr std::string_view babble =
    "{\"timestamp\": {\"seconds\": 0, \"microseconds\": 0}, \"event\": \"BABBLE\"}\r\n";

} // namespace fake
