#include "command_line.h"

#include <ntd/base/text.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iterator>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>

namespace ntd::cli {

namespace {

// CLI11 takes values such as [a,b] apart and unescapes others, so none starts with its own letter.
std::string guarded(const std::string& value) {
    return "=" + value;
}

std::string unguarded(const std::string& value) {
    return value.substr(1);
}

// Callers were written for Python's argparse, whose reading of a command line differs from CLI11's:
// unique prefixes, values that look like options, empty lists, words after `--`. So this class
// brings each argument into the one form on which both agree, `--full-name` and its one value,
// and CLI11 gets no other.
class Arguments {
public:
    struct Split {
        std::vector<std::string> canonical;
        std::vector<std::string> positional;
        std::set<std::string> given;
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

CommandLine read_command_line(std::span<const std::string> arguments) {
    CommandLine line;
    CLI::App app;
    define_options(app, line);
    // Whoever asks for help gets it, whatever else is wrong.
    const auto end = std::find(arguments.begin(), arguments.end(), "--");
    line.help = std::any_of(arguments.begin(), end,
                            [](const auto& word) { return word == "-h" || word == "--help"; });
    if (line.help)
        return line;
    auto split = Arguments(app, arguments).read();
    try {
        std::reverse(split.canonical.begin(), split.canonical.end()); // as CLI11 wants them
        app.parse(std::move(split.canonical));
    } catch (const CLI::Error& error) {
        throw CommandLineError("{}", error.what());
    }
    line.test_scripts = std::move(split.positional);
    line.given = std::move(split.given);
    return line;
}

} // namespace ntd::cli
