#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

// Feeds the bytes in pieces, as a guest may send them. The sizes come from the bytes themselves.
template <typename Feed>
void in_pieces(const std::uint8_t* data, std::size_t size, Feed feed) {
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    std::size_t step = rest.empty() ? 1 : static_cast<unsigned char>(rest.front()) % 16;
    while (!rest.empty()) {
        const auto piece = rest.substr(0, step + 1);
        feed(piece);
        rest.remove_prefix(piece.size());
        step = step * 5 % 64;
    }
}
