#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ntd {

// One word for a POSIX shell, whatever bytes (but NUL) it has.
std::string shell_quote(std::string_view word);

// Words separated by blanks, tabs, newlines; no empty ones.
std::vector<std::string> split_blanks(std::string_view text);

std::string join(std::span<const std::string> parts, std::string_view separator);

// Removes escape sequences (CSI, OSC, and two-byte ones) and control characters other than tab,
// and replaces invalid UTF-8 by U+FFFD: what is left can be shown on a terminal or put into XML.
std::string printable(std::string_view bytes);

// One line of any bytes as a terminal may be given it: what the terminal would obey, or what would
// change the order of what is read, is shown instead (\x1b, \u202e), invalid UTF-8 is U+FFFD.
// Sequences for colours (SGR) stay, or are left out.
enum class Colours { keep, leave_out };
std::string visible(std::string_view line, Colours colours = Colours::leave_out);
void append_visible(std::string& to, std::string_view line, Colours colours);

// How many bytes the sequence for colours (SGR) at the start of text takes, 0 if there is none.
std::size_t colour_length(std::string_view text);

// Invalid UTF-8 sequences replaced by U+FFFD, everything else (NUL included) kept.
std::string valid_utf8(std::string_view bytes);

// The characters of UTF-8 text, one by one; a byte that is part of none is one of its own.
std::vector<std::string_view> utf8_characters(std::string_view text);

std::string_view trim_right(std::string_view text);

// As many trailing bytes of text as fit, cut at a line's begin where possible.
std::string tail(std::string_view text, std::size_t most);

// Cuts a stream of bytes into lines. A line ends with \n; a \r in front of it is not part of it.
// Lines longer than the limit are cut there, so that one endless line cannot take all memory.
class LineSplitter {
public:
    explicit LineSplitter(std::size_t longest = 1 << 20) : longest_(longest) {}

    void feed(std::string_view bytes) { buffer_.append(bytes); }

    // The next complete line, if there is one. The view holds until the next call.
    std::optional<std::string_view> next();

    // What has come of the next line; once next() has given all that are complete.
    std::string_view unfinished() const { return std::string_view(buffer_).substr(begin_); }

    // What came after the last newline, when the stream has ended.
    std::string take_rest();

private:
    std::size_t longest_;
    std::string buffer_;
    std::size_t begin_ = 0;   // of the line not yet given out
    std::size_t scanned_ = 0; // no newline between begin_ and here
};

} // namespace ntd
