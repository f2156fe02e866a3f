#include "verdict.h"

#include "html.h"
#include "script_view.h"
#include "step_list.h"

#include <ntd/base/text.h>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <system_error>

namespace ntd::report {

namespace {

constexpr std::size_t most_shown = 1200; // bytes of output

const Step* last_command(const Step& step) {
    const Step* last = step.kind == Kind::command && !step.forgotten ? &step : nullptr;
    for (const Step* each : step.inner)
        if (const Step* inner = last_command(*each))
            last = inner;
    return last;
}

std::string counted(std::size_t count, std::string_view what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// "3 subtests, 1 failed"
std::string subtests_of(const Story& story) {
    std::size_t all = 0;
    std::size_t failed = 0;
    for (const Step& step : story.steps) {
        all += step.kind == Kind::subtest ? 1U : 0U;
        failed += step.kind == Kind::subtest && (step.failed || !step.took) ? 1U : 0U;
    }
    if (all == 0)
        return "";
    return fmt::format("<li>{}{}</li>", counted(all, "subtest"),
                       failed > 0 ? fmt::format(", {} failed", failed) : "");
}

std::string facts(const Story& story) {
    std::string list = fmt::format("<ul class=\"facts\"><li>{}</li>", duration(story.end));
    list += fmt::format("<li>{}</li>", counted(story.machines.size(), "machine"));
    list += subtests_of(story);
    if (story.time.size() == std::string_view("2000-01-01T00:00:00Z").size())
        list += fmt::format("<li>{} {} UTC</li>", html(story.time.substr(0, 10)),
                            html(story.time.substr(11, 8)));
    if (!story.version.empty())
        list += fmt::format("<li>nixos-test-driver {}</li>", html(story.version));
    return list + "</ul>\n";
}

std::string culprit_block(const Story& story, const Step* culprit) {
    if (culprit == nullptr || culprit->kind == Kind::error)
        return "";
    const auto times = culprit->took ? fmt::format("failed after {}", duration(*culprit->took))
                                     : std::string("did not end");
    auto block = fmt::format("<div class=\"culprit\"><p>{}<a href=\"#{}\">{}</a> "
                             "<span class=\"took\">{}</span></p>",
                             machine_label(story, culprit->machine), culprit->anchor(),
                             wording_of(*culprit), times);
    const Step* command = last_command(*culprit);
    const auto& text =
        command != nullptr && !command->output.empty() ? command->output : culprit->failure;
    return block + output_block(tail(text, most_shown), 0) + "</div>\n";
}

// What its machine said before it failed, which often is the cause.
std::string console_block(const Story& story, const Step* culprit) {
    if (culprit == nullptr || culprit->machine.empty())
        return "";
    const auto index = story.index_of(culprit->machine);
    const double at = culprit->took ? culprit->end() : story.end;
    const auto lines = story.machines[index].console.lines_until(at, 6);
    if (lines.empty())
        return "";
    return fmt::format(
        "<h2>What {} had on its console by then</h2><pre class=\"text console-end\">{}</pre>\n",
        html(culprit->machine), lines);
}

std::string failure_block(const Outcome& outcome) {
    if (outcome.failure.empty())
        return "";
    return fmt::format("<details class=\"traceback\"{}><summary>Traceback</summary>"
                       "<pre class=\"text\">{}</pre></details>\n",
                       outcome.line == 0 ? " open" : "", html(trim_right(outcome.failure)));
}

std::string again_block(const Outcome& outcome) {
    if (outcome.command.empty())
        return "";
    return fmt::format("<h2>Try again</h2><p class=\"again\"><code id=\"again\">{}</code>"
                       "<button type=\"button\" data-copy=\"again\">Copy</button></p>\n",
                       html(outcome.command));
}

std::string
evidence_block(const Story& story, const Outcome& outcome, const std::filesystem::path& directory) {
    if (outcome.evidence.empty())
        return "";
    std::string list = "<h2>Files</h2><ul class=\"evidence\">";
    for (const auto& link : outcome.evidence) {
        const auto file = std::filesystem::absolute(link.file).lexically_normal();
        const auto relative = file.lexically_relative(directory);
        fmt::format_to(std::back_inserter(list), "<li>{}<a href=\"{}\">{}</a></li>",
                       machine_label(story, link.machine),
                       url_of(relative.empty() ? file : relative), html(link.title));
    }
    return list + "</ul>\n";
}

std::string state_of(const Machine& machine) {
    if (machine.phases.empty())
        return machine.console.is_empty() ? "not started" : "";
    const Phase& last = machine.phases.back();
    if (!last.up)
        return last.ended ? "ended before it was up" : "was still booting";
    const auto boot = "booted in " + duration(*last.up - last.started);
    return last.ended ? boot + ", ended" : boot;
}

std::string card(const Story& story, const Machine& machine, Pictures& pictures) {
    std::string content = "<p class=\"note\">nothing on its console</p>";
    if (machine.last_picture != nullptr)
        content =
            fmt::format("<a class=\"shot\" href=\"#{}\">{}</a>", machine.last_picture->anchor(),
                        pictures.show(machine.last_picture->text,
                                      fmt::format("last screen of {}", machine.name)));
    else if (!machine.console.is_empty())
        content = fmt::format("<pre class=\"text end\"><span>{}</span></pre>",
                              machine.console.lines_until(story.end, 12));
    return fmt::format("<figure><figcaption>{}<span class=\"note\">{}</span></figcaption>{}"
                       "</figure>\n",
                       machine_label(story, machine.name), state_of(machine), content);
}

// First the machine that failed.
std::string cards(const Story& story, const Step* culprit, Pictures& pictures) {
    if (story.machines.empty())
        return "";
    const std::string first = culprit != nullptr ? culprit->machine : "";
    std::string all;
    for (const Machine& machine : story.machines) {
        const auto shown = card(story, machine, pictures);
        all.insert(machine.name == first ? 0 : all.size(), shown);
    }
    return fmt::format("<h2>The machines at the end</h2><div class=\"cards\">\n{}</div>\n", all);
}

std::string record_notes(const Story& story) {
    std::string notes;
    if (story.damaged_lines > 0)
        notes += fmt::format("<p class=\"note\">{} of the record could not be read.</p>",
                             counted(story.damaged_lines, "line"));
    if (story.cut)
        notes += "<p class=\"note\">The record reached its limit, so the consoles are not "
                 "complete.</p>";
    return notes;
}

} // namespace

std::string verdict(const Story& story,
                    const Outcome& outcome,
                    const Step* culprit,
                    Pictures& pictures,
                    const std::filesystem::path& directory) {
    auto text = fmt::format("<section class=\"verdict {}\" id=\"verdict\"><div class=\"why\">\n"
                            "<h1>{}</h1>\n",
                            outcome.passed ? "passed" : "failed",
                            outcome.reason.empty()
                                ? (outcome.passed ? "All steps succeeded" : "The test failed")
                                : html(outcome.reason));
    text += facts(story) + record_notes(story);
    if (!outcome.passed)
        text += script_excerpt(story, outcome.line) + culprit_block(story, culprit) +
                console_block(story, culprit);
    text += failure_block(outcome) + "</div>\n<div class=\"more\">";
    text += cards(story, culprit, pictures) + again_block(outcome);
    return text + evidence_block(story, outcome, directory) + "</div></section>\n";
}

} // namespace ntd::report
