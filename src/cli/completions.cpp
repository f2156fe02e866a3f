#include "documents.h"

#include "help.h"
#include "option_table.h"

#include <ntd/base/text.h>

#include <algorithm>

namespace ntd::cli {

namespace {

bool takes_files(const Option& option) {
    constexpr std::array metavars{"FILE", "SCRIPT...", "SOCKET", "CMD"};
    return option.is_positional() ||
           std::find(metavars.begin(), metavars.end(), option.metavar) != metavars.end();
}

bool takes_directories(const Option& option) {
    return option.metavar == "DIR";
}

// The first sentence or clause: a menu has only one line for each option.
std::string summary(const Option& option) {
    const std::string text = help_of(option);
    return text.substr(0, std::min(text.find_first_of(";:("), text.find(". ")));
}

std::vector<std::string> spellings(const Option& option) {
    std::vector<std::string> names;
    if (option.letter() != '\0')
        names.push_back(fmt::format("-{}", option.letter()));
    names.emplace_back(option.long_name());
    return names;
}

// Quotes text for '...' in a shell. Characters in `escaped` get a backslash.
std::string quoted(std::string_view text, std::string_view escaped) {
    std::string result;
    for (const char c : text) {
        if (escaped.find(c) != escaped.npos)
            result += '\\';
        result += c == '\'' ? "'\\''" : std::string(1, c);
    }
    return result;
}

// The arguments of `compgen` that complete the option's value in bash, or nothing.
std::string compgen_for(const Option& option) {
    if (!option.choices.empty())
        return fmt::format("-W '{}' -- \"$word\"", option.choices);
    if (takes_directories(option))
        return "-d -- \"$word\"";
    return takes_files(option) ? "-f -- \"$word\"" : "";
}

} // namespace

std::string bash_completion() {
    std::string cases;
    std::vector<std::string> names;
    for (const Option& option : option_table) {
        if (option.is_positional())
            continue;
        const auto own = spellings(option);
        names.insert(names.end(), own.begin(), own.end());
        if (option.is_flag())
            continue;
        const auto words = compgen_for(option);
        cases += fmt::format(
            "        {}) {}return ;;\n", join(own, " | "),
            words.empty() ? "" : fmt::format("mapfile -t COMPREPLY < <(compgen {}); ", words));
    }
    return fmt::format(
        R"(# Completion of nixos-test-driver for bash. Made from the program's table of options.

_nixos_test_driver() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}}
    COMPREPLY=()
    if [[ $word == = ]]; then
        word=
    elif [[ $before == = ]]; then # bash has --option=value as three words
        before=${{COMP_WORDS[COMP_CWORD - 2]}}
    fi
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W '{}' -- "$word")
        return
    fi
    case $before in
{}    esac
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
}}

complete -o filenames -F _nixos_test_driver nixos-test-driver
)",
        join(names, " "), cases);
}

std::string zsh_completion() {
    std::string text = "#compdef nixos-test-driver\n"
                       "# Made from the program's table of options.\n\n_arguments -s -S";
    for (const Option& option : option_table) {
        const auto meaning = quoted(summary(option), "[]\\:");
        const auto words = !option.choices.empty()     ? fmt::format("({})", option.choices)
                           : takes_directories(option) ? std::string("_files -/")
                           : takes_files(option)       ? std::string("_files")
                                                       : std::string(" ");
        const auto value = fmt::format(":{}:{}", option.metavar, words);
        if (option.is_positional()) {
            text += fmt::format(" \\\n    '*:{}:_files'", option.names);
            continue;
        }
        for (const std::string& name : spellings(option))
            if (option.is_list())
                text += fmt::format(" \\\n    '*{}[{}]:*-*{}'", name, meaning, value);
            else
                text += fmt::format(" \\\n    '*{}{}[{}]{}'", name,
                                    option.is_flag()         ? ""
                                    : name.starts_with("--") ? "="
                                                             : "+",
                                    meaning, option.is_flag() ? "" : value);
    }
    return text + '\n';
}

std::string fish_completion() {
    std::string text = "# Completion of nixos-test-driver for fish. Made from the program's table "
                       "of options.\n\n";
    for (const Option& option : option_table) {
        if (option.is_positional())
            continue;
        text += "complete -c nixos-test-driver";
        if (option.letter() != '\0')
            text += fmt::format(" -s {}", option.letter());
        text += fmt::format(" -l {}", option.long_name().substr(2));
        if (!option.choices.empty())
            text += fmt::format(" -x -a '{}'", option.choices);
        else if (takes_directories(option))
            text += " -x -a '(__fish_complete_directories)'";
        else if (!option.is_flag())
            text += takes_files(option) ? " -r -F" : " -x";
        std::string meaning;
        for (const char c : summary(option))
            meaning += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
        text += fmt::format(" -d '{}'\n", meaning);
    }
    return text;
}

} // namespace ntd::cli
