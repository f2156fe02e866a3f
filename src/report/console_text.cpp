#include "console_text.h"

#include "html.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <vector>

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

// The time at the start of a line of a chunk.
double time_of(std::string_view line) {
    line.remove_prefix(std::min(line.find_first_of("0123456789"), line.size()));
    double time = 0;
    std::from_chars(line.data(), line.data() + line.size(), time);
    return time;
}

// Adds lines of a chunk, the last one first, until there are `count`.
void add_lines_until(std::vector<std::string_view>& lines,
                     std::string_view chunk,
                     double at,
                     std::size_t count) {
    while (!chunk.empty() && lines.size() < count) {
        const auto begin = chunk.rfind('\n', chunk.size() - 2) + 1; // npos + 1 is 0
        if (time_of(chunk.substr(begin)) <= at + 0.0005)
            lines.push_back(chunk.substr(begin));
        chunk = chunk.substr(0, begin);
    }
}

} // namespace

void ConsoleText::add(double at, std::string_view line) {
    Chunk& chunk = chunk_for_line(at);
    const auto before = chunk.html.size();
    const bool bad = sounds_bad(line);
    fmt::format_to(std::back_inserter(chunk.html), "<b>{:9.3f}</b> {}", at, bad ? "<i>" : "");
    append_html(chunk.html, line);
    chunk.html += bad ? "</i>\n" : "\n";
    ++chunk.lines;
    ++lines_;
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

std::string ConsoleText::lines_until(double at, std::size_t count) const {
    std::vector<std::string_view> lines;
    for (const auto* chunks : {&last_, &first_})
        for (auto chunk = chunks->rbegin(); chunk != chunks->rend(); ++chunk)
            if (chunk->begin <= at && lines.size() < count)
                add_lines_until(lines, chunk->html, at, count);
    std::string html;
    for (auto line = lines.rbegin(); line != lines.rend(); ++line)
        html += *line;
    return html;
}

std::string ConsoleText::opening(const Chunk& chunk) {
    return fmt::format("<pre class=\"chunk\" data-at=\"{:.3f}\">", chunk.begin);
}

std::string ConsoleText::left_out_note() const {
    return fmt::format("<p class=\"note\">{} lines are left out here</p>\n", left_out_);
}

} // namespace ntd::report
