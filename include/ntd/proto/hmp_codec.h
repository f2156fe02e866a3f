#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// QEMU's human monitor: a line out, text back, then a prompt. It is a terminal: QEMU echoes what is
// typed, with escape sequences, as the first line of its answer.
namespace ntd::proto {

constexpr std::string_view hmp_prompt = "(qemu) ";

// One command line. Throws UsageError for text that has control characters in it: a line end would
// make it two, and the others are commands to QEMU's line editor (an Esc swallows what follows).
std::string hmp_command(std::string_view command);

// More is no answer: QEMU's longest, to "info qtree" or a dump of memory, have some mebibytes.
constexpr std::size_t longest_hmp_answer = std::size_t{64} << 20;

// What an answer says: without the echo before it and the prompt behind it.
std::string hmp_words(std::string_view answer);

// One end of a cable that is plugged into a vde_switch, as "info network" has it.
struct VdeCable {
    std::string name;   // of QEMU's end, which start scripts choose
    std::string socket; // the switch's directory
    std::string card;   // of the guest, at the other end; empty if that is none
};

// In the order of the start script.
std::vector<VdeCable> hmp_vde_cables(std::string_view answer);

class HmpDecoder {
public:
    // Throws ProtocolError for an answer without end, of which nothing is kept.
    void feed(std::string_view bytes);

    // All up to and with the prompt, once the prompt is the last that has come.
    std::optional<std::string> next();

    // What has come of an answer that was cut off.
    const std::string& partial() const { return buffer_; }

private:
    std::string buffer_;
};

} // namespace ntd::proto
