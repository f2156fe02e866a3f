#include "step_list.h"

#include "html.h"

#include <ntd/base/text.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace ntd::report {

namespace {

const char* class_of(Kind kind) {
    switch (kind) {
    case Kind::scope:
        return "scope";
    case Kind::subtest:
        return "subtest";
    case Kind::command:
        return "command";
    case Kind::message:
        return "message";
    case Kind::output:
        return "output";
    case Kind::error:
        return "error";
    case Kind::life:
        return "life";
    case Kind::picture:
        return "picture";
    }
    return "";
}

// For the filter: debug, info, warning, error.
int level_of(const Step& step) {
    if (step.failed || step.level == "error")
        return 3;
    if (step.level == "warning" || step.timed_out || step.did_not_end())
        return 2;
    return step.level == "debug" ? 0 : 1;
}

const char* result_class(const Step& step) {
    if (step.failed)
        return " failed";
    if (step.did_not_end())
        return " stuck warning";
    switch (level_of(step)) {
    case 0:
        return " debug";
    case 2:
        return " warning";
    case 3:
        return " bad";
    default:
        return "";
    }
}

// The scope says already what the command is.
bool repeats_scope(const Step& step) {
    return step.kind == Kind::command && !step.text.empty() &&
           step.outer->text.ends_with(step.text);
}

std::string life_wording(const std::string& what) {
    if (what == "up")
        return "is up";
    if (what == "reset")
        return "was reset";
    return what == "ended" ? "has ended" : html(what);
}

std::string command_wording(const Step& step) {
    if (repeats_scope(step))
        return step.timed_out ? "no answer in time" : fmt::format("exit status {}", step.status);
    return fmt::format("<code>{}</code>", html(step.text));
}

// A scope with nothing in it but its command is shown as one step.
const Step* only_command(const Step& step) {
    const bool is_one = step.is_scope() && step.inner.size() == 1 && !step.inner[0]->forgotten &&
                        repeats_scope(*step.inner[0]);
    return is_one ? step.inner[0] : nullptr;
}

std::string flags_of(const Step& step) {
    std::string flags = only_command(step) != nullptr ? flags_of(*only_command(step)) : "";
    if (step.kind == Kind::subtest)
        flags += " <span class=\"flag\">subtest</span>";
    if (step.times > 1)
        flags += fmt::format(" <span class=\"flag\">{} times</span>", step.times);
    if (step.timed_out)
        flags += " <span class=\"flag warn\">timed out</span>";
    else if (step.status != 0 && (!repeats_scope(step) || only_command(*step.outer) != nullptr))
        flags += fmt::format(" <span class=\"flag\">status {}</span>", step.status);
    if (step.failed && step.is_scope())
        flags += " <span class=\"flag bad\">failed</span>";
    if (step.did_not_end())
        flags += " <span class=\"flag warn\">did not end</span>";
    return flags;
}

// What an inner step says need not be said again around it.
bool is_said_inside(const Step& step) {
    return std::any_of(step.inner.begin(), step.inner.end(),
                       [&](const Step* each) { return each->failure == step.failure; });
}

} // namespace

std::string machine_label(const Story& story, const std::string& machine) {
    if (machine.empty())
        return "";
    const auto index = story.index_of(machine);
    return fmt::format("<a class=\"who m{}\" href=\"#console-{}\">{}</a> ", index % 8, index,
                       html(machine));
}

std::string wording_of(const Step& step) {
    constexpr std::array<std::string_view, 4> verbs{
        "must succeed: ", "must fail: ", "waiting for success: ", "waiting for failure: "};
    if (step.kind == Kind::command)
        return command_wording(step);
    if (step.kind == Kind::life)
        return life_wording(step.text);
    if (step.kind == Kind::picture)
        return "the screen";
    if (step.kind == Kind::output)
        return "output";
    if (step.kind == Kind::error)
        return "the test failed";
    for (const auto verb : verbs)
        if (step.is_scope() && step.text.starts_with(verb))
            return fmt::format("{}<code>{}</code>", verb,
                               html(std::string_view(step.text).substr(verb.size())));
    return html(step.text);
}

std::string output_block(const std::string& text, std::size_t cut) {
    if (text.empty())
        return "";
    const auto note =
        cut == 0 ? "" : fmt::format("<p class=\"note\">{} bytes before this are left out</p>", cut);
    return fmt::format("{}<pre class=\"text\">{}</pre>", note, html(trim_right(text)));
}

std::string StepList::forgotten_note(const Step& outer) {
    if (outer.forgotten_inner == 0)
        return "";
    return fmt::format("<p class=\"note\">{} earlier steps are left out here</p>",
                       outer.forgotten_inner);
}

std::string StepList::group(const std::vector<Step*>& steps, std::size_t first) {
    std::string text;
    for (std::size_t i = first; i < std::min(steps.size(), first + group_size); ++i)
        append(text, *steps[i]);
    if (steps.size() <= group_size || text.empty())
        return text;
    return fmt::format("<div class=\"group\">\n{}</div>\n", text);
}

void StepList::append(std::string& to, const Step& step) {
    if (step.forgotten)
        return;
    const std::string inside = body(step);
    if (inside.empty())
        fmt::format_to(std::back_inserter(to), "<div tabindex=\"0\" {}>{}</div>\n",
                       attributes(step), row(step));
    else
        fmt::format_to(
            std::back_inserter(to),
            "<details {}{}><summary>{}</summary><div class=\"inner\">{}</div></details>\n",
            attributes(step), is_open(step) ? " open" : "", row(step), inside);
}

std::string StepList::body(const Step& step) {
    switch (step.kind) {
    case Kind::command:
        return output_block(step.output, step.cut);
    case Kind::output:
    case Kind::error:
        return output_block(step.text, step.cut);
    case Kind::picture:
        return pictures_.show(step.text, fmt::format("screen of {}", step.machine));
    case Kind::scope:
    case Kind::subtest:
        return scope_body(step);
    case Kind::message:
    case Kind::life:
        return "";
    }
    return "";
}

std::string StepList::scope_body(const Step& step) {
    std::string text;
    if (!step.failure.empty() && !is_said_inside(step))
        text = fmt::format("<pre class=\"text failure\">{}</pre>", html(trim_right(step.failure)));
    if (const Step* command = only_command(step)) {
        const bool is_known = step.failure.find(trim_right(command->output)) != std::string::npos;
        return text + (is_known ? "" : output_block(command->output, command->cut));
    }
    text += forgotten_note(step);
    for (std::size_t i = 0; i < step.inner.size(); i += group_size)
        text += group(step.inner, i);
    return text;
}

std::string StepList::row(const Step& step) const {
    const auto line = step.line == 0
                          ? ""
                          : fmt::format("<a class=\"line\" href=\"#L{0}\">line {0}</a>", step.line);
    const bool timed = step.kind == Kind::command || (step.is_scope() && step.took);
    return fmt::format("<a class=\"at\" href=\"#{}\">{:.2f}</a> {}<span class=\"what\">{}{}</span>"
                       "{}<span class=\"took\">{}</span>",
                       step.anchor(), step.at, machine_label(story_, step.machine),
                       wording_of(step), flags_of(step), line, timed ? duration(*step.took) : "");
}

std::string StepList::attributes(const Step& step) const {
    const double end = step.did_not_end() ? story_.end : step.end();
    auto text = fmt::format("class=\"step {}{}{}\" id=\"{}\" data-at=\"{:.3f}\" data-end=\"{:.3f}\""
                            " data-level=\"{}\"",
                            class_of(step.kind), step.is_wait() ? " wait" : "", result_class(step),
                            step.anchor(), step.at, end, level_of(step));
    if (!step.machine.empty())
        text += fmt::format(" data-machine=\"{}\"", story_.index_of(step.machine));
    if (step.line != 0)
        text += fmt::format(" data-line=\"{}\"", step.line);
    return text;
}

// What explains the failure can be seen at once.
bool StepList::is_open(const Step& step) const {
    if (step.kind == Kind::picture || step.kind == Kind::subtest)
        return true;
    for (const Step* each = marked_; each != nullptr; each = each->outer)
        if (each == &step)
            return true;
    return marked_ != nullptr && step.outer == marked_;
}

} // namespace ntd::report
