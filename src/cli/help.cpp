#include "help.h"

#include "option_table.h"
#include "program_text.h"

#include <ntd/base/text.h>
#include <ntd/driver/config_keys.h>

#include <algorithm>

namespace ntd::cli {

namespace {

constexpr std::size_t column = 30; // where the explanations begin

using Lines = std::vector<std::string>;

Lines wrapped(std::string_view text, std::size_t width) {
    Lines lines;
    for (const std::string& word : split_blanks(text))
        if (lines.empty() || lines.back().size() + 1 + word.size() > width)
            lines.push_back(word);
        else
            lines.back().append(" ").append(word);
    return lines;
}

std::string paragraph(std::string_view text, std::size_t width) {
    return join(wrapped(text, width), "\n") + "\n";
}

// Wraps the text and right-aligns the note, if the note fits on one line.
Lines with_note(std::string_view text, const std::string& note, std::size_t width) {
    if (note.empty())
        return wrapped(text, width);
    const auto bracket = fmt::format("[{}]", note);
    if (bracket.size() > width)
        return wrapped(fmt::format("{} {}", text, bracket), width);
    Lines lines = wrapped(text, width);
    if (lines.empty() || lines.back().size() + 1 + bracket.size() > width)
        lines.emplace_back();
    lines.back() += fmt::format("{:>{}}", bracket, width - lines.back().size());
    return lines;
}

std::string entry(const std::string& names, const Lines& meaning) {
    std::string text = "  " + names;
    bool is_first = text.size() < column - 1;
    for (const std::string& line : meaning) {
        text += is_first ? std::string(column - text.size(), ' ')
                         : fmt::format("\n{}", std::string(column, ' '));
        text += line;
        is_first = false;
    }
    return text + "\n";
}

std::string section(const SectionText& about, std::size_t width) {
    std::string text = paragraph(
        fmt::format("{}{} {}", about.title, about.more.empty() ? ":" : ".", about.more), width);
    const auto in_section = [&](const Option& option) { return option.section == about.section; };
    const bool has_letters =
        std::any_of(option_table.begin(), option_table.end(), [&](const Option& option) {
            return in_section(option) && option.letter() != '\0';
        });
    for (const Option& option : option_table) {
        if (!in_section(option))
            continue;
        std::string names = option.letter() != '\0' ? fmt::format("-{}, ", option.letter())
                                                    : std::string(has_letters ? 4 : 0, ' ');
        names += option.long_name();
        if (!option.metavar.empty())
            names += fmt::format(" {}", option.metavar);
        text += entry(names, with_note(help_of(option), note_of(option.variable, option.fallback),
                                       width - column));
    }
    return text;
}

} // namespace

std::string help_of(const Option& option) {
    constexpr std::string_view place = "{keys}";
    std::string text(option.help);
    const auto at = text.find(place);
    if (at == text.npos)
        return text;
    std::vector<std::string> required;
    for (const driver::ConfigKey& key : driver::config_keys())
        if (key.otherwise.empty() && key.name.find('.') == key.name.npos)
            required.push_back(key.name);
    return text.replace(at, place.size(), enumeration(required, "and"));
}

std::string about_differences() {
    std::vector<std::string> names;
    for (const Option& option : option_table)
        if (option.generation == Generation::ours)
            names.emplace_back(option.long_name());
    return fmt::format("The Python driver does not have {}, nor the variables NTD_.... All other "
                       "differences are listed in docs/differences.md.",
                       join(names, ", "));
}

std::string note_of(std::string_view variable, std::string_view fallback) {
    std::vector<std::string> notes;
    if (!variable.empty())
        notes.push_back(fmt::format("variable: {}", variable));
    if (!fallback.empty())
        notes.push_back(fmt::format("default: {}", fallback));
    return join(notes, "; ");
}

std::string help(std::size_t width) {
    std::string text = fmt::format("{}\n{}", usage_text, paragraph(purpose, width));
    for (const SectionText& about : section_texts)
        text += fmt::format("\n{}", section(about, width));
    text += fmt::format("\n{}\nEnvironment:\n", paragraph(about_spelling, width));
    for (const Variable& variable : variables)
        text += entry(std::string(variable.names),
                      with_note(variable.help, note_of("", variable.fallback), width - column));
    text += fmt::format("\n{}", paragraph(about_differences(), width));
    std::vector<std::string> statuses;
    statuses.reserve(exit_statuses.size());
    for (const auto& [status, meaning] : exit_statuses)
        statuses.push_back(fmt::format("{} {}", status, meaning));
    const auto status = fmt::format("Exit status: {}.", join(statuses, "; "));
    return fmt::format("{}\n{}", text, paragraph(status, width));
}

} // namespace ntd::cli
