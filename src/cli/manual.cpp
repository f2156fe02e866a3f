#include "documents.h"

#include "help.h"
#include "option_table.h"
#include "program_text.h"

#include <ntd/base/text.h>
#include <ntd/driver/config_keys.h>

namespace ntd::cli {

namespace {

// Escapes text for roff. No line of it may begin with a "." or "'".
std::string roff(std::string_view text) {
    std::string escaped;
    for (const char c : text)
        if (c == '\\')
            escaped += "\\e";
        else if (c == '-')
            escaped += "\\-";
        else if (c == '\'')
            escaped += "\\(aq";
        else
            escaped += c;
    return escaped.starts_with('.') ? "\\&" + escaped : escaped;
}

std::string bold(std::string_view text) {
    return fmt::format("\\fB{}\\fR", roff(text));
}

std::string heading(std::string_view title) {
    return fmt::format(".SH {}\n", roff(title));
}

std::string item(const std::string& names, std::string_view meaning, const std::string& note) {
    return fmt::format(".TP\n{}\n{}\n{}", names, roff(meaning),
                       note.empty() ? "" : fmt::format("[{}]\n", roff(note)));
}

std::string options_of(const SectionText& about) {
    std::string text = fmt::format(".SS {}\n", roff(about.title));
    if (!about.more.empty())
        text += roff(about.more) + '\n';
    for (const Option& option : option_table) {
        if (option.section != about.section)
            continue;
        std::string names;
        if (option.letter() != '\0')
            names = bold(fmt::format("-{}", option.letter())) + ", ";
        names += bold(option.long_name());
        if (!option.metavar.empty())
            names += fmt::format(" \\fI{}\\fR", roff(option.metavar));
        text += item(names, help_of(option), note_of(option.variable, option.fallback));
    }
    return text;
}

std::string keys() {
    std::string text = heading("CONFIGURATION FILE");
    text += "The file of \\fB\\-\\-config\\fR is a JSON object. A dot leads from an object to one "
            "of its keys. A key without a default has to be there; one that is not known is "
            "passed over.\n";
    for (const driver::ConfigKey& key : driver::config_keys())
        text += item(fmt::format("{} ({})", bold(key.name), roff(key.type)), key.help,
                     note_of("", key.otherwise));
    return text;
}

std::string environment() {
    std::string text = heading("ENVIRONMENT");
    for (const Option& option : option_table)
        if (!option.variable.empty())
            text += item(bold(option.variable),
                         fmt::format("the same as {}{}", option.long_name(),
                                     option.generation == Generation::options
                                         ? ", but not beside --config"
                                         : ""),
                         "");
    for (const Variable& variable : variables)
        text += item(bold(variable.names), variable.help, note_of("", variable.fallback));
    return text;
}

} // namespace

std::string manual() {
    std::string text = ".TH NIXOS\\-TEST\\-DRIVER 1 \"\" \"nixos\\-test\\-driver " NTD_VERSION
                       "\" \"User Commands\"\n.nh\n.ad l\n";
    text += heading("NAME");
    text += "nixos\\-test\\-driver \\- boots the machines of a NixOS test and runs its script\n";
    text += heading("SYNOPSIS");
    for (const std::string_view words :
         {"--config FILE [OPTION]...",
          "[--start-scripts SCRIPT...] [--vlans N...] [OPTION]... [--] TESTSCRIPT"})
        text += fmt::format("{} {}\n.br\n", bold("nixos-test-driver"), roff(words));
    text += heading("DESCRIPTION") + roff(purpose) + '\n';
    text += heading("OPTIONS") + roff(about_spelling) + '\n';
    for (const SectionText& about : section_texts)
        text += options_of(about);
    text += keys() + environment();
    text += heading("EXIT STATUS");
    for (const auto& [status, meaning] : exit_statuses)
        text += item(bold(status), meaning, "");
    text += heading("DIFFERENCES FROM THE PYTHON DRIVER");
    text += roff(about_differences()) + '\n';
    return text;
}

} // namespace ntd::cli
