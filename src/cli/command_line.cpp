#include "command_line.h"

#include "argparse.h"
#include "option_table.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace ntd::cli {

namespace {

// All its names, as CLI11 takes them: "-I,--interactive,!--no-interactive".
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
            std::erase(given.words, ""); // of empty variables of a caller's shell
        return true;
    };

    Arguments(const CLI::App& app, std::span<const std::string> arguments)
        : app_(app), rest_(arguments) {}

    Split read() {
        while (!rest_.empty()) {
            const std::string argument = take();
            if (argument == "--") {
                split_.positional.insert(split_.positional.end(), rest_.begin(), rest_.end());
                break;
            }
            if (argument.starts_with("--"))
                read_long(argument);
            else if (is_option(argument))
                read_short(argument);
            else
                split_.positional.push_back(argument);
        }
        return std::move(split_);
    }

private:
    // "-" alone and negative numbers are values.
    static bool is_option(std::string_view argument) {
        return argument.size() > 1 && argument[0] == '-' &&
               (argument[1] < '0' || argument[1] > '9');
    }

    std::string take() {
        std::string first = rest_.front();
        rest_ = rest_.subspan(1);
        return first;
    }

    bool has_value() const { return !rest_.empty() && !is_option(rest_.front()); }

    void read_long(const std::string& argument) {
        const auto equals = argument.find('=');
        const auto name = full_name(argument.substr(0, equals));
        std::optional<std::string> value;
        if (equals != argument.npos)
            value = argument.substr(equals + 1);
        add(name, name, value);
    }

    // -K, or several as -IK, or one with its value as in -oDIR and -o=DIR.
    void read_short(const std::string& argument) {
        for (std::size_t at = 1; at < argument.size(); ++at) {
            const auto name = std::string("-") + argument[at];
            const CLI::Option* option = app_.get_option_no_throw(name);
            if (option == nullptr)
                throw CommandLineError("unknown option '{}' (in '{}')", name, argument);
            std::string rest = argument.substr(at + 1);
            const bool takes_rest = !is_flag(*option) && !rest.empty();
            if (takes_rest && rest.front() == '=')
                rest.erase(0, 1);
            add(name, long_name(*option), takes_rest ? std::optional(rest) : std::nullopt);
            if (takes_rest)
                return;
        }
    }

    void add(std::string_view spelled, const std::string& name, std::optional<std::string> value) {
        const CLI::Option& option = *app_.get_option(name);
        split_.given.insert(name);
        if (is_flag(option)) {
            if (value)
                throw CommandLineError("option '{}' takes no value, but was given '{}'", spelled,
                                       *value);
            split_.canonical.push_back(name);
            return;
        }
        if (is_list(option)) {
            add_list(name, value);
            return;
        }
        if (!value && has_value())
            value = take();
        if (!value || value->empty())
            throw CommandLineError("option '{}' needs a value", spelled);
        split_.canonical.insert(split_.canonical.end(), {name, guarded(*value)});
    }

    // A list ends at the next option. Empty words come from empty variables of a caller's shell.
    void add_list(const std::string& name, const std::optional<std::string>& value) {
        std::vector<std::string> values;
        if (value)
            values.push_back(*value);
        while (!value && has_value())
            values.push_back(take());
        for (const std::string& word : values)
            if (!word.empty())
                split_.canonical.insert(split_.canonical.end(), {name, guarded(word)});
    }

    static bool is_flag(const CLI::Option& option) { return option.get_items_expected_max() == 0; }
    static bool is_list(const CLI::Option& option) { return option.get_items_expected_max() > 1; }

    static std::string long_name(const CLI::Option& option) {
        return "--" + option.get_lnames().front();
    }

    std::vector<std::string> all_names() const {
        std::vector<std::string> names;
        for (const CLI::Option* option : app_.get_options())
            for (const std::string& name : option->get_lnames())
                names.push_back("--" + name);
        return names;
    }

    std::string full_name(const std::string& spelled) const {
        std::vector<std::string> candidates;
        for (const std::string& name : all_names()) {
            if (name == spelled)
                return name;
            if (name.starts_with(spelled))
                candidates.push_back(name);
        }
        if (candidates.empty())
            throw CommandLineError("unknown option '{}'{}", spelled, suggestion(spelled));
        if (candidates.size() > 1)
            throw CommandLineError("option '{}' is ambiguous: it could be {}", spelled,
                                   join(candidates, ", "));
        return candidates.front();
    }

    std::string suggestion(std::string_view spelled) const;

    const CLI::App& app_;
    std::span<const std::string> rest_;
    Split split_;
};

// How many letters must be changed, added or left out to get from one word to the other.
std::size_t edit_distance(std::string_view from, std::string_view to) {
    std::vector<std::size_t> row(to.size() + 1); // of the beginning of `from` handled so far
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < from.size(); ++i) {
        std::size_t diagonal = row[0]++;
        for (std::size_t j = 0; j < to.size(); ++j) {
            const std::size_t changed = diagonal + (from[i] == to[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({changed, diagonal + 1, row[j] + 1});
        }
    }
    return row.back();
}

std::string Arguments::suggestion(std::string_view spelled) const {
    std::string nearest;
    std::size_t least = spelled.size() / 3 + 1; // further away it would be a guess
    for (const std::string& name : all_names()) {
        // Somebody may have shortened and mistyped it.
        const auto distance = std::min(edit_distance(spelled, name),
                                       edit_distance(spelled, name.substr(0, spelled.size())) + 1);
        if (distance < least) {
            least = distance;
            nearest = name;
        }
    }
    return nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest);
}

// Long because it is a table, a row for each name.
void define_options(CLI::App& app, CommandLine& line) {
    app.set_help_flag(); // ours says more
    const auto list = [&](const char* names, std::vector<std::string>& into) {
        const auto store = [&into](const CLI::results_t& values) {
            std::transform(values.begin(), values.end(), std::back_inserter(into), unguarded);
            return true;
        };
        app.add_option(names, store)->expected(1, -1)->take_all();
    };
    const auto value = [&](const char* names, std::string& into) {
        const auto store = [&into](const CLI::results_t& values) {
            into = unguarded(values.back());
            return true;
        };
        app.add_option(names, store)->take_last();
    };
    const auto flag = [&](const char* names, bool& into) {
        app.add_flag(names, into)->take_last();
    };
    list("--vm-start-scripts,--start-scripts", line.vm_start_scripts);
    list("--vm-names", line.vm_names);
    list("--container-start-scripts", line.container_start_scripts);
    list("--container-names", line.container_names);
    list("--vlans", line.vlans);
    value("--test-script", line.test_script);
    value("--global-timeout", line.global_timeout);
    value("--dump-vsocks", line.dump_vsocks);
    value("-c,--config", line.config);
    value("--log-level", line.log_level);
    value("-o,--output_directory", line.output_directory);
    value("--junit-xml", line.junit_xml);
    value("--debug-hook-attach", line.debug_hook_attach);
    value("--repeat", line.repeat);
    value("--ssh-proxy", line.ssh_proxy);
    value("--backdoor", line.backdoor);
    value("--max-output", line.max_output);
    flag("-I,--interactive,!--no-interactive", line.interactive);
    flag("-K,--keep-machine-state", line.keep_machine_state);
    flag("--pcap", line.pcap);
    flag("--keep-pcap", line.keep_pcap);
    flag("--stream-output", line.stream_output);
    flag("--watch", line.watch);
    flag("--until-fail", line.until_fail);
    flag("--vnc", line.vnc);
    flag("--vsock-siblings", line.vsock_siblings);
    flag("--keep-vm-state", line.keep_vm_state);
    flag("-h,--help", line.help);
    flag("--version", line.version);
    flag("--list-methods", line.list_methods);
}

} // namespace

CommandLine::CommandLine(std::span<const std::string> arguments) {
    auto [words, names] = from_argparse(arguments);
    CLI::App app;
    app.set_help_flag(); // ours says more
    std::map<const Option*, CLI::Option*> declared;
    for (const Option& option : option_table)
        if (&owner_of(option) == &option)
            declared[&option] = declare(app, option, given_[&option]);
    try {
        std::reverse(words.begin(), words.end()); // as CLI11 wants them
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
