#include <ntd/report/report.h>

#include "assets.h"
#include "html.h"
#include "page_file.h"
#include "pictures.h"
#include "record_reader.h"
#include "script_view.h"
#include "step_list.h"
#include "story.h"
#include "timeline.h"
#include "verdict.h"

#include <ntd/base/random.h>

#include <fmt/format.h>

namespace ntd::report {

namespace {

// A guest cannot know it, as it is chosen after the run. So browsers do not run a guest's script
// even if our escaping had a hole.
std::string new_nonce() {
    const auto bytes = random_bytes<18>();
    return base64({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::string name_of(const Story& story) {
    return story.script_name.empty() ? "test" : html(story.script_name);
}

std::string head(const Story& story, const Outcome& outcome) {
    const auto nonce = new_nonce();
    return fmt::format("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                       "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                       "img-src data:; style-src 'nonce-{0}'; script-src 'nonce-{0}'; "
                       "base-uri 'none'; form-action 'none'\">\n"
                       "<meta name=\"viewport\" content=\"width=device-width\">\n"
                       "<title>{1}: {2}</title>\n<style nonce=\"{0}\">\n{3}</style>\n"
                       "<script nonce=\"{0}\">\n{4}</script>\n</head>\n<body>\n",
                       nonce, outcome.passed ? "passed" : "failed", name_of(story), style_sheet,
                       page_script);
}

std::string bar(const Story& story, const Outcome& outcome) {
    return fmt::format("<header class=\"bar\"><a class=\"badge {}\" href=\"#verdict\">{}</a>"
                       "<strong>{}</strong>\n{}</header>\n",
                       outcome.passed ? "passed" : "failed", outcome.passed ? "Passed" : "Failed",
                       name_of(story), page_controls);
}

void write_steps(PageFile& page, StepList steps) {
    page.write("<main class=\"columns\">\n"
               "<section class=\"steps\" id=\"steps\" aria-label=\"steps\">\n");
    steps.write([&](std::string_view part) { page.write(part); });
    page.write("</section>\n");
}

void write_script(PageFile& page, const Story& story, int line) {
    page.write("<details class=\"panel\" id=\"script\"><summary>script</summary>"
               "<div class=\"source\">\n");
    page.write(script_view(story, line));
    page.write("</div></details>\n");
}

void write_console(PageFile& page, const Machine& machine, std::size_t index) {
    page.write(fmt::format("<details class=\"panel\" id=\"console-{0}\" data-machine=\"{0}\">"
                           "<summary>{1}</summary><div class=\"console\">\n",
                           index, html(machine.name)));
    if (machine.console.is_empty())
        page.write("<p class=\"note\">nothing on its console</p>");
    machine.console.show([&](std::string_view part) { page.write(part); });
    page.write("</div></details>\n");
}

} // namespace

void write_report(const std::filesystem::path& record,
                  const Outcome& outcome,
                  const std::filesystem::path& html_file) {
    const Story story = read_record(record);
    const auto directory = std::filesystem::absolute(html_file).lexically_normal().parent_path();
    const Step* culprit = outcome.passed ? nullptr : story.culprit(outcome.line);
    Pictures pictures(directory);

    PageFile page(html_file);
    page.write(head(story, outcome));
    page.write(bar(story, outcome));
    page.write(verdict(story, outcome, culprit, pictures, directory));
    page.write(timeline(story, culprit));
    write_steps(page, StepList(story, culprit, pictures));
    page.write("<section class=\"side\" aria-label=\"script and consoles\">\n");
    write_script(page, story, outcome.line);
    for (std::size_t i = 0; i < story.machines.size(); ++i)
        write_console(page, story.machines[i], i);
    page.write("</section>\n</main>\n");
    page.write(key_help);
    page.write("</body>\n</html>\n");
    page.finish();
}

} // namespace ntd::report
