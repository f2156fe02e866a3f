#include "command_line.h"

#include "argparse.h"
#include "option_table.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace ntd::cli {

namespace {

// All names of an option, as CLI11 expects them: "-I,--interactive,!--no-interactive".
std::string names_for_cli11(const Option& option) {
    std::string names(option.names);
    for (const Option& other : option_table)
        if (other.same_as == option.long_name() || other.negates == option.long_name())
            names += fmt::format(",{}{}", other.negates.empty() ? "" : "!", other.names);
    return names;
}

CLI::Option* declare(CLI::App& app, const Option& option, Given& given) {
    const auto names = names_for_cli11(option);
    if (option.is_flag())
        return app.add_flag(names, given.on)->take_last();
    const auto store = [&option, &given](const CLI::results_t& words) {
        std::transform(words.begin(), words.end(), std::back_inserter(given.words), meant_by);
        if (option.is_list())
            std::erase(given.words, ""); // from empty variables in the caller's shell
        return true;
    };
    const bool takes_many = option.is_list() || option.is_positional();
    return app.add_option(names, store)
        ->expected(takes_many ? 0 : 1, takes_many ? -1 : 1)
        ->allow_extra_args(takes_many)
        ->take_all();
}

} // namespace

CommandLine::CommandLine(std::span<const std::string> arguments) {
    auto [words, names] = from_argparse(arguments);
    CLI::App app;
    app.set_help_flag(); // we print our own
    std::map<const Option*, CLI::Option*> declared;
    for (const Option& option : option_table)
        if (&owner_of(option) == &option)
            declared[&option] = declare(app, option, given_[&option]);
    try {
        std::reverse(words.begin(), words.end()); // CLI11 expects them in reverse order
        app.parse(std::move(words));
    } catch (const CLI::Error& error) {
        throw CommandLineError("{}", error.what());
    }
    for (const auto& [option, parsed] : declared)
        if (parsed->count() == 0 || (option->is_flag() && !given_[option].on))
            given_.erase(option);
        else
            given_[option].name = option->is_positional() ? option->names : names[option];
}

const Given* CommandLine::find(const Option& option) const {
    const auto found = given_.find(&owner_of(option));
    return found == given_.end() ? nullptr : &found->second;
}

const Given* CommandLine::find(std::string_view long_name) const {
    const auto found = std::find_if(given_.begin(), given_.end(), [&](const auto& row) {
        return row.first->long_name() == long_name;
    });
    return found == given_.end() ? nullptr : &found->second;
}

} // namespace ntd::cli
