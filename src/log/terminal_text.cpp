#include <ntd/log/terminal_text.h>

#include <ntd/base/error.h>
#include <ntd/base/forks.h>
#include <ntd/base/text.h>
#include <ntd/base/write_all.h>
#include <ntd/log/outlet.h>

#include <unistd.h>

#include <algorithm>

namespace ntd::log {

namespace {

constexpr std::string_view reset = "\x1b[0m";
constexpr std::string_view words_mark = "| "; // before a guest's text at the beginning of a line

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Breaks up CI commands after `from`. CI systems obey "##[error]", "##vso[...]" and
// "##teamcity[...]" anywhere in a line.
void break_commands(std::string& text, std::size_t from) {
    constexpr std::string_view hash = "\\x23";
    for (auto at = text.find("##", from); at != text.npos; at = text.find("##", at + 1)) {
        const auto name_end = std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(at) + 2,
                                               text.end(), is_letter);
        if (name_end != text.end() && *name_end == '[')
            text.replace(at + 1, 1, hash);
    }
}

// Whether a line could be taken for a CI command ("::error::") or for the driver's error report
// ("!!!"). CI systems ignore blanks before them, Unicode ones included.
bool needs_mark(std::string_view line) {
    for (;;) {
        const auto unlike_blank = std::find_if(line.begin(), line.end(), [](char c) {
            return static_cast<unsigned char>(c) < 0x80 && c != ' ' && c != '\t';
        });
        line.remove_prefix(static_cast<std::size_t>(unlike_blank - line.begin()));
        const auto colour = colour_length(line);
        if (colour == 0)
            return line.starts_with("::") || line.starts_with("!!!");
        line.remove_prefix(colour);
    }
}

void append_line(std::string& to,
                 const LineLook& look,
                 std::string_view mark,
                 std::string_view line) {
    line = line.substr(0, line.find_last_not_of('\r') + 1);
    const auto painted = look.colour ? look.style : std::string_view{};
    to.append(painted).append(mark);
    const auto begin = to.size();
    append_visible(to, line, look.colour ? Colours::keep : Colours::leave_out);
    break_commands(to, begin);
    if (mark.empty() && needs_mark(std::string_view(to).substr(begin)))
        to.insert(begin, words_mark);
    if (!painted.empty() || (look.colour && to.find('\x1b', begin) != to.npos))
        to.append(reset);
    to.push_back('\n');
}

} // namespace

void append_lines(std::string& to, const LineLook& look, std::string_view message) {
    auto newline = message.find('\n');
    append_line(to, look, look.first, message.substr(0, newline));
    while (newline != message.npos) {
        message.remove_prefix(newline + 1);
        newline = message.find('\n');
        if (message.empty()) // after the last newline
            to.push_back('\n');
        else
            append_line(to, look, look.rest, message.substr(0, newline));
    }
}

void say(std::string_view message) noexcept {
    try {
        std::string lines;
        append_lines(lines, {.first = {}, .rest = words_mark, .style = {}}, message);
        if (is_fork())
            write_all(STDERR_FILENO, lines);
        else
            Outlet(STDERR_FILENO).write(lines);
    } catch (...) { // out of memory: no way to report it
    }
}

void say_failure(int error, std::string_view doing) noexcept {
    say(SystemError(error, doing).what());
}

} // namespace ntd::log
