#include "script_view.h"

#include "html.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <string_view>
#include <vector>

namespace ntd::report {

namespace {

struct LineUse {
    const Step* first = nullptr;
    double took = 0;
};

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        lines.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

bool has_line_around(const Step& step) {
    return step.outer != nullptr && (step.outer->line == step.line || has_line_around(*step.outer));
}

// Steps within a step of the same line have no time of their own.
std::map<int, LineUse> uses_of_lines(const Story& story) {
    std::map<int, LineUse> uses;
    for (const Step& step : story.steps) {
        if (step.line == 0 || step.forgotten)
            continue;
        LineUse& use = uses[step.line];
        if (use.first == nullptr || (step.failed && !use.first->failed))
            use.first = &step;
        if (!has_line_around(step))
            use.took += step.took.value_or(story.end - step.at);
    }
    return uses;
}

std::string line_html(int number, std::string_view text, const LineUse& use, bool failing) {
    const auto target =
        use.first == nullptr ? "" : fmt::format(" href=\"#{}\"", use.first->anchor());
    return fmt::format("<li{}><a class=\"number\"{}>{}</a><code>{}</code><span class=\"took\">{}"
                       "</span></li>\n",
                       failing ? " class=\"failed\" aria-label=\"failing line\"" : "", target,
                       number, html(text), use.took >= 0.05 ? duration(use.took) : "");
}

} // namespace

std::string script_view(const Story& story, int failing_line) {
    const auto uses = uses_of_lines(story);
    std::string list = "<ol class=\"script\">\n";
    int number = 0;
    for (const auto text : lines_of(story.script)) {
        const auto use = uses.find(++number);
        auto line = line_html(number, text, use != uses.end() ? use->second : LineUse{},
                              number == failing_line);
        list += line.insert(3, fmt::format(" id=\"L{}\"", number));
    }
    return list + "</ol>\n";
}

std::string script_excerpt(const Story& story, int failing_line) {
    const auto lines = lines_of(story.script);
    const int last = static_cast<int>(lines.size());
    if (failing_line < 1 || failing_line > last)
        return "";
    const auto uses = uses_of_lines(story);
    std::string list = "<ol class=\"script\">\n";
    for (int i = std::max(failing_line - 2, 1); i <= std::min(failing_line + 1, last); ++i) {
        LineUse use = uses.contains(i) ? uses.at(i) : LineUse{};
        use.took = 0;
        list += line_html(i, lines[static_cast<std::size_t>(i) - 1], use, i == failing_line);
    }
    return list + "</ol>\n";
}

} // namespace ntd::report
