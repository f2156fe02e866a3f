#include "html.h"

#include <ntd/base/text.h>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace ntd::report {

namespace {

std::string_view entity(char c) {
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return "";
    }
}

void append_escaped(std::string& to, std::string_view text) {
    for (;;) {
        const auto special = std::min(text.find_first_of("&<>\"'"), text.size());
        to += text.substr(0, special);
        if (special == text.size())
            return;
        to += entity(text[special]);
        text.remove_prefix(special + 1);
    }
}

bool stays_in_url(char c) {
    return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') ||
           std::string_view("-._~/").find(c) != std::string_view::npos;
}

} // namespace

void append_html(std::string& to, std::string_view text) {
    std::string shown;
    for (;;) {
        const auto end = std::min(text.find('\n'), text.size());
        auto line = text.substr(0, end);
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        shown.clear();
        append_visible(shown, line, Colours::leave_out);
        append_escaped(to, shown);
        if (end == text.size())
            return;
        to += '\n';
        text.remove_prefix(end + 1);
    }
}

std::string html(std::string_view text) {
    std::string safe;
    append_html(safe, text);
    return safe;
}

std::string base64(std::string_view bytes) {
    constexpr std::string_view digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    text.reserve(bytes.size() / 3 * 4 + 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const auto group = bytes.substr(i, 3);
        std::uint32_t bits = 0;
        for (std::size_t k = 0; k < 3; ++k)
            bits = bits << 8 | (k < group.size() ? static_cast<unsigned char>(group[k]) : 0U);
        for (std::size_t k = 0; k < 4; ++k)
            text += k <= group.size() ? digits[bits >> (18 - 6 * k) & 63] : '=';
    }
    return text;
}

std::string url_of(const std::filesystem::path& relative) {
    std::string url;
    for (const char c : relative.generic_string())
        url += stays_in_url(c) ? std::string(1, c)
                               : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    return url;
}

std::string duration(double seconds) {
    if (seconds < 10)
        return fmt::format("{:.2f} s", std::max(seconds, 0.0));
    if (seconds < 60)
        return fmt::format("{:.1f} s", seconds);
    const auto whole = static_cast<std::uint64_t>(std::min(seconds, 1e15));
    return fmt::format("{} min {:02} s", whole / 60, whole % 60);
}

} // namespace ntd::report
