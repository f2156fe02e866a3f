#include "timeline.h"

#include "html.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <map>

namespace ntd::report {

namespace {

constexpr int row_height = 18;
constexpr int most_rows = 4;
constexpr double thinnest = 0.15; // per cent, to be seen at all

class Scale {
public:
    explicit Scale(double end) : end_(std::max(end, 0.001)) {}

    double operator()(double at) const { return std::clamp(at / end_, 0.0, 1.0) * 100; }

    // Seconds between two marks: at most ten of them, at a round number.
    double step() const {
        const double least = end_ / 10;
        const double power = std::pow(10, std::floor(std::log10(least)));
        for (const double factor : {1.0, 2.0, 5.0})
            if (factor * power >= least)
                return factor * power;
        return 10 * power;
    }

    double end() const { return end_; }

private:
    double end_;
};

// A lane shows the scopes of one machine, or those of none; one within another is a row lower.
int row_of(const Step& step) {
    int row = 0;
    for (const Step* outer = step.outer; outer->outer != nullptr; outer = outer->outer)
        row += outer->is_scope() && outer->machine == step.machine ? 1 : 0;
    return row;
}

bool has_bar(const Step& step, int row) {
    return !step.forgotten && step.outer != nullptr && row < most_rows &&
           (step.is_scope() || (step.kind == Kind::command && row == 0));
}

std::string class_of_bar(const Step& step) {
    if (step.failed)
        return "bar failed";
    if (step.did_not_end())
        return "bar stuck";
    if (step.kind == Kind::subtest)
        return "bar subtest";
    return step.is_wait() ? "bar wait" : "bar";
}

class Lane {
public:
    Lane(const Story& story, const Scale& scale, const std::string& machine)
        : story_(story), scale_(scale), machine_(machine) {}

    void add_phases(const std::vector<Phase>& phases);
    void add(const Step& step);
    std::string svg() const;

private:
    void add_rect(const char* type, double from, double to, int y, int height, std::string title);
    void add_bar(const Step& step, int row);

    const Story& story_;
    const Scale& scale_;
    std::string machine_;
    std::string content_;
    std::array<double, most_rows> drawn_{}; // per cent: there is a bar up to here
    int rows_ = 1;
};

void Lane::add_rect(
    const char* type, double from, double to, int y, int height, std::string title) {
    fmt::format_to(std::back_inserter(content_),
                   "<rect class=\"{}\" x=\"{:.3f}%\" width=\"{:.3f}%\" y=\"{}\" height=\"{}\">"
                   "<title>{}</title></rect>",
                   type, scale_(from), std::max(scale_(to) - scale_(from), thinnest), y, height,
                   title);
}

void Lane::add_phases(const std::vector<Phase>& phases) {
    for (const Phase& phase : phases) {
        const double end = phase.ended.value_or(story_.end);
        const double up = phase.up.value_or(end);
        add_rect("boot", phase.started, up, 0, 5, "boot: " + duration(up - phase.started));
        if (phase.up)
            add_rect("up", up, end, 0, 5, "up: " + duration(end - up));
    }
}

void Lane::add(const Step& step) {
    const int row = step.outer == nullptr ? 0 : row_of(step);
    if (step.kind == Kind::picture && !step.forgotten)
        fmt::format_to(std::back_inserter(content_),
                       "<a href=\"#{}\" tabindex=\"-1\"><circle class=\"shot\" cx=\"{:.3f}%\" "
                       "cy=\"2.5\" r=\"3.5\"><title>picture of the screen</title></circle></a>",
                       step.anchor(), scale_(step.at));
    if (has_bar(step, row))
        add_bar(step, row);
}

void Lane::add_bar(const Step& step, int row) {
    const double x = scale_(step.at);
    const double end = scale_(step.took ? step.end() : story_.end);
    const double width = std::max(end - x, thinnest);
    double& drawn = drawn_.at(static_cast<std::size_t>(row));
    if (!step.failed && x + width <= drawn + thinnest / 2)
        return; // thousands of short steps would only hide each other
    drawn = std::max(drawn, x + width);
    rows_ = std::max(rows_, row + 1);
    const int y = 7 + row * row_height;
    fmt::format_to(std::back_inserter(content_),
                   "<a href=\"#{}\" tabindex=\"-1\"><title>{}\n{}</title><rect class=\"{}\" "
                   "x=\"{:.3f}%\" width=\"{:.3f}%\" y=\"{}\" height=\"{}\" rx=\"2\"/>",
                   step.anchor(), html(step.text.substr(0, 500)),
                   step.took ? duration(*step.took) : "did not end", class_of_bar(step), x, width,
                   y, row_height - 3);
    if (width > 4)
        fmt::format_to(std::back_inserter(content_),
                       "<svg x=\"{:.3f}%\" width=\"{:.3f}%\" y=\"{}\" height=\"{}\"><text x=\"5\" "
                       "y=\"11\">{}</text></svg>",
                       x, width, y, row_height - 3, html(step.text.substr(0, 120)));
    content_ += "</a>\n";
}

std::string Lane::svg() const {
    return fmt::format(
        "<svg class=\"lane\" height=\"{}\" aria-label=\"time line of {}\">{}</svg>\n",
        8 + rows_ * row_height, machine_.empty() ? "the test" : html(machine_), content_);
}

std::string axis(const Scale& scale, const Step* marked) {
    std::string svg = "<svg class=\"axis\" width=\"100%\" height=\"100%\" aria-hidden=\"true\">";
    const double step = scale.step();
    for (int i = 0; i * step < scale.end() * 0.97; ++i) // a number needs room at its right
        fmt::format_to(std::back_inserter(svg),
                       "<line x1=\"{0:.3f}%\" x2=\"{0:.3f}%\" y1=\"0\" y2=\"100%\"/>"
                       "<text x=\"{0:.3f}%\" dx=\"4\" y=\"11\">{1:g} s</text>",
                       scale(i * step), i * step);
    if (marked != nullptr && marked->took)
        fmt::format_to(std::back_inserter(svg),
                       "<line class=\"failed\" x1=\"{0:.3f}%\" x2=\"{0:.3f}%\" y1=\"0\" "
                       "y2=\"100%\"/>",
                       scale(marked->end()));
    return svg + "</svg>";
}

} // namespace

std::string timeline(const Story& story, const Step* marked) {
    const Scale scale(story.end);
    std::map<std::string, Lane> lanes;
    lanes.emplace("", Lane(story, scale, ""));
    for (const Machine& machine : story.machines)
        lanes.emplace(machine.name, Lane(story, scale, machine.name))
            .first->second.add_phases(machine.phases);
    for (const Step& step : story.steps)
        lanes.at(step.machine).add(step);

    auto html_text =
        fmt::format("<section class=\"timeline\" id=\"timeline\" data-end=\"{:.3f}\" "
                    "aria-label=\"time line\"><div class=\"lanes\">\n<span class=\"corner\"></span>"
                    "<span class=\"ticks\"></span>\n<span>test</span>{}",
                    scale.end(), lanes.at("").svg());
    for (std::size_t i = 0; i < story.machines.size(); ++i)
        fmt::format_to(std::back_inserter(html_text),
                       "<a class=\"who m{}\" href=\"#console-{}\">{}</a>{}", i % 8, i,
                       html(story.machines[i].name), lanes.at(story.machines[i].name).svg());
    return html_text + "<div class=\"over\">" + axis(scale, marked) + "</div></div></section>\n";
}

} // namespace ntd::report
