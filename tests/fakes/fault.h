#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace fake {

// How a channel goes wrong. What is silent reads nothing, either; half an answer is the last one;
// babble is a message to QMP and text to all others.
enum class Fault { none, closed, silent, babbling, slow, half, twice };

// Throws std::invalid_argument.
Fault fault_named(const std::string& name);

// One way that `fault` goes wrong on `channel`: shell, port, monitor, qmp, console.
struct FaultyChannel {
    Fault fault;
    std::string channel;
};

constexpr auto slow_pace = std::chrono::milliseconds(100); // for each byte

constexpr std::string_view babble =
    "{\"timestamp\": {\"seconds\": 0, \"microseconds\": 0}, \"event\": \"BABBLE\"}\r\n";

} // namespace fake
