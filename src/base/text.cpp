#include <ntd/base/text.h>

#include <ntd/base/error.h>

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace ntd {

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD"; // U+FFFD

bool is_continuation(unsigned char byte) {
    return (byte & 0xC0) == 0x80;
}

// The length of the valid UTF-8 sequence at the start of text, 0 if there is none.
std::size_t sequence_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80)
        return 1;
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < length)
        return 0;
    for (std::size_t i = 1; i < length; ++i)
        if (!is_continuation(byte(i)))
            return 0;
    // Overlong forms, surrogates, and code points above U+10FFFF.
    const bool bad = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F) ||
                     (first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F);
    return bad ? 0 : length;
}

bool is_between(char c, char first, char last) {
    return first <= c && c <= last;
}

// The length of a control sequence: parameters, then one final byte. Any other byte ends it early.
std::size_t csi_length(std::string_view text) {
    const auto end = std::find_if_not(text.begin() + 2, text.end(),
                                      [](char c) { return is_between(c, 0x20, 0x3F); });
    const bool complete = end != text.end() && is_between(*end, 0x40, 0x7E);
    return static_cast<std::size_t>(end - text.begin()) + (complete ? 1 : 0);
}

// The length of a terminal string, such as a title or systemd's queries: up to BEL or ESC
// backslash.
std::size_t string_length(std::string_view text) {
    const auto end = std::min(text.find_first_of("\x07\x1b", 2), text.size());
    if (text.substr(end).starts_with('\x07'))
        return end + 1;
    return text.substr(end).starts_with("\x1b\\") ? end + 2 : end;
}

// The length in bytes of the escape sequence at the start of text (an ESC).
std::size_t escape_length(std::string_view text) {
    if (text.size() < 2)
        return text.size();
    if (text[1] == '[')
        return csi_length(text);
    if (std::string_view("]PX^_").find(text[1]) != text.npos)
        return string_length(text);
    const auto final_byte = std::find_if_not(text.begin() + 1, text.end(),
                                             [](char c) { return is_between(c, ' ', '/'); });
    const bool complete = final_byte != text.end() && is_between(*final_byte, '0', '~');
    return static_cast<std::size_t>(final_byte - text.begin()) + (complete ? 1 : 0);
}

// U+0080 to U+009F: some terminals obey them too.
bool is_c1_control(std::string_view text) {
    return text[0] == '\xC2' && static_cast<unsigned char>(text[1]) < 0xA0;
}

// The code point of the valid UTF-8 sequence of that length.
std::uint32_t code_point(std::string_view text, std::size_t length) {
    constexpr std::array<unsigned, 5> mask{0, 0x7F, 0x1F, 0x0F, 0x07};
    std::uint32_t code = static_cast<unsigned char>(text[0]) & mask.at(length);
    for (std::size_t i = 1; i < length; ++i)
        code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3F);
    return code;
}

// Whether a character beyond ASCII is a control, a line end, or changes the writing direction.
bool acts_on_text(std::uint32_t code) {
    const auto between = [code](std::uint32_t first, std::uint32_t last) {
        return first <= code && code <= last;
    };
    return between(0x80, 0x9F) || code == 0x61C || between(0x200E, 0x200F) ||
           between(0x2028, 0x202E) || between(0x2066, 0x2069);
}

bool is_plain(unsigned char byte) {
    return (byte >= 0x20 && byte < 0x7F) || byte == '\t';
}

// Appends printable ASCII unchanged. At anything else it calls `special` with the rest of the text,
// which appends what it likes and returns the number of bytes it consumed.
template <typename Special>
void append_parts(std::string& to, std::string_view text, Special special) {
    for (std::size_t i = 0; i < text.size();) {
        const auto begin = i;
        while (i < text.size() && is_plain(static_cast<unsigned char>(text[i])))
            ++i;
        to += text.substr(begin, i - begin); // most text has no other characters
        if (i < text.size())
            i += special(text.substr(i));
    }
}

} // namespace

std::string shell_quote(std::string_view word) {
    if (word.find('\0') != word.npos)
        throw UsageError("a shell word cannot contain NUL bytes: {}", visible(word.substr(0, 100)));
    std::string quoted = "'";
    for (const char c : word) {
        if (c == '\'')
            quoted += "'\\''";
        else
            quoted += c;
    }
    quoted += '\'';
    return quoted;
}

std::string shell_command(std::span<const std::string> words) {
    std::vector<std::string> quoted;
    for (const auto& word : words)
        quoted.push_back(shell_quote(word));
    return join(quoted, " ");
}

std::vector<std::string> split_blanks(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    std::vector<std::string> words;
    for (auto begin = text.find_first_not_of(blanks); begin != text.npos;) {
        const auto end = std::min(text.find_first_of(blanks, begin), text.size());
        words.emplace_back(text.substr(begin, end - begin));
        begin = text.find_first_not_of(blanks, end);
    }
    return words;
}

std::string join(std::span<const std::string> parts, std::string_view separator) {
    return fmt::format("{}", fmt::join(parts.begin(), parts.end(), separator));
}

std::string python_literal(std::string_view bytes) {
    std::string text = "b'";
    for (const char c : bytes) {
        if (c == '\n')
            text += "\\n";
        else if (c == '\r')
            text += "\\r";
        else if (c == '\\' || c == '\'')
            text += fmt::format("\\{}", c);
        else if (c >= 0x20 && c < 0x7F)
            text += c;
        else
            text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
    return text + "'";
}

std::string printable(std::string_view bytes) {
    std::string clean;
    clean.reserve(bytes.size());
    append_parts(clean, bytes, [&](std::string_view rest) -> std::size_t {
        const auto byte = static_cast<unsigned char>(rest[0]);
        if (byte == 0x1B)
            return escape_length(rest);
        if (byte < 0x80)
            return 1;
        const auto length = sequence_length(rest);
        if (length == 0)
            clean += replacement;
        else if (!is_c1_control(rest))
            clean += rest.substr(0, length);
        return std::max<std::size_t>(length, 1);
    });
    return clean;
}

std::size_t colour_length(std::string_view text) {
    constexpr std::size_t longest = 40; // a 24-bit foreground and background
    if (!text.starts_with("\x1b["))
        return 0;
    const auto end = text.substr(0, longest).find_first_not_of("0123456789;:", 2);
    return end != text.npos && text[end] == 'm' ? end + 1 : 0;
}

std::string visible(std::string_view line, Colours colours) {
    std::string shown;
    append_visible(shown, line, colours);
    return shown;
}

void append_visible(std::string& to, std::string_view line, Colours colours) {
    append_parts(to, line, [&](std::string_view rest) -> std::size_t {
        if (const auto colour = colour_length(rest); colour > 0) {
            to += colours == Colours::keep ? rest.substr(0, colour) : "";
            return colour;
        }
        const auto byte = static_cast<unsigned char>(rest[0]);
        const auto length = sequence_length(rest);
        if (byte < 0x80)
            to += fmt::format("\\x{:02x}", byte);
        else if (length == 0)
            to += replacement;
        else if (const auto code = code_point(rest, length); acts_on_text(code))
            to += fmt::format("\\u{:04x}", code);
        else
            to += rest.substr(0, length);
        return std::max<std::size_t>(length, 1);
    });
}

std::string valid_utf8(std::string_view bytes) {
    std::string valid;
    valid.reserve(bytes.size());
    for (std::size_t i = 0; i < bytes.size();) {
        const auto begin = i;
        while (i < bytes.size() && static_cast<unsigned char>(bytes[i]) < 0x80)
            ++i;
        valid += bytes.substr(begin, i - begin); // most text has no other characters
        if (i == bytes.size())
            break;
        const auto length = sequence_length(bytes.substr(i));
        valid += length > 0 ? bytes.substr(i, length) : replacement;
        i += std::max<std::size_t>(length, 1);
    }
    return valid;
}

std::vector<std::string_view> utf8_characters(std::string_view text) {
    std::vector<std::string_view> characters;
    while (!text.empty()) {
        characters.push_back(text.substr(0, std::max<std::size_t>(sequence_length(text), 1)));
        text.remove_prefix(characters.back().size());
    }
    return characters;
}

std::string_view first_line(std::string_view text) {
    return text.substr(0, text.find('\n'));
}

std::string_view trim_right(std::string_view text) {
    return text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
}

std::string tail(std::string_view text, std::size_t most) {
    if (text.size() <= most)
        return std::string(text);
    const auto cut = text.size() - most;
    const auto newline = text.find('\n', cut - 1); // `cut` may already be the start of a line
    const bool has_line = newline != text.npos && newline + 1 < text.size();
    return std::string(text.substr(has_line ? newline + 1 : cut));
}

std::optional<std::string_view> LineSplitter::next() {
    const auto newline = buffer_.find('\n', scanned_);
    if (newline == buffer_.npos && buffer_.size() - begin_ <= longest_) {
        buffer_.erase(0, begin_);
        begin_ = 0;
        scanned_ = buffer_.size();
        return std::nullopt;
    }
    const bool cut = newline == buffer_.npos || newline - begin_ > longest_;
    const auto end = cut ? begin_ + longest_ : newline;
    auto line = std::string_view(buffer_).substr(begin_, end - begin_);
    begin_ = scanned_ = cut ? end : end + 1;
    if (!cut && line.ends_with('\r'))
        line.remove_suffix(1);
    return line;
}

std::string LineSplitter::take_rest() {
    std::string rest = buffer_.substr(begin_);
    buffer_.clear();
    begin_ = scanned_ = 0;
    return rest;
}

} // namespace ntd
