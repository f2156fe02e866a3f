#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// QEMU's human monitor (HMP): the client sends a line, QEMU answers with text and a prompt. As on a
// terminal, QEMU echoes the command, with escape sequences, as the first line of the answer.
namespace ntd::proto {

constexpr std::string_view hmp_prompt = "(qemu) ";

// Encodes a command line. Throws UsageError if it contains control characters: a line end would
// make it two commands, and QEMU's line editor interprets the others (after an Esc it drops
// characters).
std::string hmp_command(std::string_view command);

// Longer answers are an error. QEMU's longest, to "info qtree" or a memory dump, have a few
// mebibytes.
constexpr std::size_t longest_hmp_answer = std::size_t{64} << 20;

// The text of an answer, without the echo and the prompt.
std::string hmp_words(std::string_view answer);

// A network device connected to a vde_switch, from "info network".
struct VdeCable {
    std::string name;   // of the QEMU netdev, chosen by the start script
    std::string socket; // the switch's directory
    std::string card;   // the guest's network card; empty if there is none
};

// Parses the answer to "info network". Keeps the order of the start script.
std::vector<VdeCable> hmp_vde_cables(std::string_view answer);

class HmpDecoder {
public:
    // Throws ProtocolError, and drops the data, if an answer is longer than longest_hmp_answer.
    void feed(std::string_view bytes);

    // A complete answer, prompt included, once the data ends with the prompt.
    std::optional<std::string> next();

    // The received part of an incomplete answer.
    const std::string& partial() const { return buffer_; }

private:
    std::string buffer_;
};

} // namespace ntd::proto
