#include <ntd/proto/vde_codec.h>

#include <algorithm>
#include <utility>

namespace ntd::proto {

namespace {

// The limit of an answer's text; the rest is dropped.
constexpr std::size_t longest_reply = std::size_t{1} << 20;

// Whether a line is a message of this kind: '1' for "1000 Success".
bool is_message(std::string_view line, char kind) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    return line.size() >= 5 && line[0] == kind && line[4] == ' ' &&
           std::all_of(line.begin(), line.begin() + 4, is_digit);
}

// Removes the prompt, which some consoles print.
std::string_view without_prompt(std::string_view line) {
    for (const std::string_view prompt : {"vde$ ", "VDEwf$ "})
        if (line.starts_with(prompt))
            return line.substr(prompt.size());
    return line;
}

} // namespace

std::optional<VdeReply> VdeDecoder::next() {
    while (const auto line = lines_.next()) {
        const auto text = without_prompt(*line);
        if (is_message(text, '1')) {
            reply_.success = text.starts_with("1000 ");
            reply_.text = text;
            size_ = 0;
            return std::exchange(reply_, {});
        }
        if (is_message(text, '3'))
            events_.emplace_back(text);
        else if ((size_ += text.size() + 1) <= longest_reply)
            reply_.lines.emplace_back(text);
    }
    return std::nullopt;
}

std::vector<std::string> VdeDecoder::take_events() {
    return std::exchange(events_, {});
}

} // namespace ntd::proto
