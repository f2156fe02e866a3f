#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ntd {

// Quotes `word` for a POSIX shell. It may contain any byte but NUL.
std::string shell_quote(std::string_view word);

// The words as a command line for a POSIX shell.
std::string shell_command(std::span<const std::string> words);

// Splits at blanks, tabs and newlines. Returns no empty words.
std::vector<std::string> split_blanks(std::string_view text);

std::string join(std::span<const std::string> parts, std::string_view separator);

// Returns bytes as a Python bytes literal: b'...'.
std::string python_literal(std::string_view bytes);

// Removes escape sequences (CSI, OSC, and two-byte ones) and control characters other than tab, and
// replaces invalid UTF-8 by U+FFFD. The result is safe for terminals and XML.
std::string printable(std::string_view bytes);

// Makes one line of arbitrary bytes safe for a terminal. Control characters and those that change
// the writing direction become visible escapes (\x1b, \u202e); invalid UTF-8 becomes U+FFFD. Colour
// sequences (SGR) are kept or left out.
enum class Colours { keep, leave_out };
std::string visible(std::string_view line, Colours colours = Colours::leave_out);
void append_visible(std::string& to, std::string_view line, Colours colours);

// The length in bytes of the colour sequence (SGR) at the start of text; 0 if there is none.
std::size_t colour_length(std::string_view text);

// Replaces invalid UTF-8 by U+FFFD and keeps everything else, NUL included.
std::string valid_utf8(std::string_view bytes);

// Splits UTF-8 text into characters. An invalid byte counts as a character of its own.
std::vector<std::string_view> utf8_characters(std::string_view text);

std::string_view trim_right(std::string_view text);

// The text before the first newline.
std::string_view first_line(std::string_view text);

// The last bytes of text, at most `most`. Starts at the beginning of a line where possible.
std::string tail(std::string_view text, std::size_t most);

// Splits a byte stream into lines. A line ends with \n; a \r before it is dropped. Lines longer
// than the limit are split there, so that an endless line cannot use up the memory.
class LineSplitter {
public:
    explicit LineSplitter(std::size_t longest = 1 << 20) : longest_(longest) {}

    void feed(std::string_view bytes) { buffer_.append(bytes); }

    // The next complete line, if there is one. The view is valid until the next call.
    std::optional<std::string_view> next();

    // The incomplete line received so far. Call it after next() has returned all complete lines.
    std::string_view unfinished() const { return std::string_view(buffer_).substr(begin_); }

    // At the end of the stream: the text after the last newline.
    std::string take_rest();

private:
    std::size_t longest_;
    std::string buffer_;
    std::size_t begin_ = 0;   // start of the first line not yet returned
    std::size_t scanned_ = 0; // no newline between begin_ and here
};

} // namespace ntd
