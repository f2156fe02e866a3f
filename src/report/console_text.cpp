#include "console_text.h"

#include "html.h"

#include <ntd/base/text.h>

#include <fmt/format.h>

#include <array>
#include <iterator>

namespace ntd::report {

namespace {

// Marked, so that the eye finds them in thousands of lines.
bool sounds_bad(std::string_view line) {
    constexpr std::array<std::string_view, 10> words{
        "FAILED", "Failed ",  "Kernel panic",  "panic:",      "Oops",
        "BUG:",   "segfault", "Out of memory", "Call Trace:", "core dumped"};
    for (const auto word : words)
        if (line.find(word) != line.npos)
            return true;
    return false;
}

} // namespace

void ConsoleText::add(double at, std::string_view line) {
    constexpr std::size_t most_shown_last = 2000;
    Chunk& chunk = chunk_for_line(at);
    const auto before = chunk.html.size();
    const bool bad = sounds_bad(line);
    fmt::format_to(std::back_inserter(chunk.html), "<b>{:9.3f}</b> {}", at, bad ? "<i>" : "");
    append_html(chunk.html, line);
    chunk.html += bad ? "</i>\n" : "\n";
    ++chunk.lines;
    ++lines_;
    last_lines_ =
        tail(last_lines_ + std::string(line.substr(0, most_shown_last)) + '\n', most_shown_last);
    if (last_.empty())
        return;
    size_ += chunk.html.size() - before;
    while (size_ > limits_.most && last_.size() > 1) {
        size_ -= last_.front().html.size();
        left_out_ += last_.front().lines;
        last_.pop_front();
    }
}

ConsoleText::Chunk& ConsoleText::chunk_for_line(double at) {
    auto& chunks = last_.empty() ? first_ : last_;
    if (!chunks.empty() && chunks.back().lines < limits_.lines_of_chunk)
        return chunks.back();
    auto& next = first_.size() < limits_.first_chunks ? first_ : last_;
    return next.emplace_back(Chunk{at, 0, {}});
}

std::string ConsoleText::opening(const Chunk& chunk) {
    return fmt::format("<pre class=\"chunk\" data-at=\"{:.3f}\">", chunk.begin);
}

std::string ConsoleText::left_out_note() const {
    return fmt::format("<p class=\"note\">{} lines are left out here</p>\n", left_out_);
}

} // namespace ntd::report
