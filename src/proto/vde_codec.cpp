#include <ntd/proto/vde_codec.h>

#include <algorithm>

namespace ntd::proto {

std::optional<VdeReply> VdeDecoder::next() {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    while (const auto line = lines_.next()) {
        auto text = *line;
        if (text.starts_with("vde$ ")) // the prompt, when the console has one
            text.remove_prefix(5);
        const bool is_end = text.size() >= 5 && text[0] == '1' && text[4] == ' ' &&
                            std::all_of(text.begin(), text.begin() + 4, is_digit);
        if (is_end)
            return VdeReply{text.starts_with("1000 "), std::string(text)};
    }
    return std::nullopt;
}

} // namespace ntd::proto
