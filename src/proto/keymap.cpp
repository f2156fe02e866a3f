#include <ntd/proto/keymap.h>

#include <algorithm>

namespace ntd::proto {

std::string key_name(std::string_view key) {
    if (key.size() != 1)
        return std::string(key);
    const auto* found = std::find_if(char_to_key.begin(), char_to_key.end(),
                                     [&](const auto& entry) { return entry.first == key[0]; });
    return std::string(found != char_to_key.end() ? found->second : key);
}

} // namespace ntd::proto
