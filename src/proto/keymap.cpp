#include <ntd/proto/keymap.h>

#include <algorithm>

namespace ntd::proto {

std::optional<std::string> key_name(std::string_view key) {
    if (key.size() == 1) {
        const auto* found = std::find_if(char_to_key.begin(), char_to_key.end(),
                                         [&](const auto& entry) { return entry.first == key[0]; });
        if (found != char_to_key.end())
            return std::string(found->second);
    }
    // QEMU's monitor has a line editor, which interprets other characters.
    const auto in_names = [](char c) { return c >= ' ' && c < '\x7F'; };
    if (!std::all_of(key.begin(), key.end(), in_names))
        return std::nullopt;
    return std::string(key);
}

} // namespace ntd::proto
