#include "story.h"

#include <fmt/format.h>

#include <algorithm>

namespace ntd::report {

std::string Step::anchor() const {
    return fmt::format("{}{}", is_scope() ? 's' : 'e', number);
}

bool Step::has_failed_inner() const {
    return std::any_of(inner.begin(), inner.end(), [](const Step* each) { return each->failed; });
}

Story::Story() {
    steps.emplace_back().kind = Kind::scope;
}

Machine& Story::machine(const std::string& name) {
    const auto found = std::find_if(machines.begin(), machines.end(),
                                    [&](const Machine& each) { return each.name == name; });
    if (found != machines.end())
        return *found;
    return machines.emplace_back(
        Machine{.name = name, .console = ConsoleText({.most = most_of_console})});
}

std::size_t Story::index_of(const std::string& machine) const {
    const auto found = std::find_if(machines.begin(), machines.end(),
                                    [&](const Machine& each) { return each.name == machine; });
    return static_cast<std::size_t>(found - machines.begin());
}

namespace {

bool has_open_inner(const Step& step) {
    return std::any_of(step.inner.begin(), step.inner.end(),
                       [](const Step* each) { return each->did_not_end(); });
}

// Whether an exception went from the step through all scopes around it.
bool left_all_scopes(const Step& step) {
    return step.outer == nullptr || (step.failed && left_all_scopes(*step.outer));
}

bool is_of_line(const Step& step, int line) {
    return step.line == line || (step.outer != nullptr && is_of_line(*step.outer, line));
}

// How well a step explains the failure of a run at a line of the script (0: not known). 0: not at
// all; such as a failure that the script expected, which is of another line.
int weight(const Step& step, int line) {
    if (step.outer == nullptr || step.forgotten)
        return 0;
    if (step.kind == Kind::error)
        return 1;
    const bool stuck = step.did_not_end() && !has_open_inner(step);
    const bool failed = step.failed && !step.has_failed_inner();
    if (!stuck && !failed)
        return 0;
    if (line > 0 && is_of_line(step, line))
        return 4;
    if (stuck)
        return 3;
    return left_all_scopes(step) && (line == 0 || step.line == 0) ? 2 : 0;
}

} // namespace

const Step* Story::culprit(int line) const {
    const Step* best = nullptr;
    int most = 1;
    for (const Step& step : steps) {
        if (const int here = weight(step, line); here >= most) {
            most = here;
            best = &step;
        }
    }
    return best;
}

} // namespace ntd::report
