#include "argparse.h"

#include "command_line.h"
#include "option_table.h"

#include <ntd/base/text.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

namespace ntd::cli {

namespace {

constexpr char mark = '='; // prefix of words that are values

// "-" alone and negative numbers are values.
bool is_option(std::string_view argument) {
    return argument.size() > 1 && argument[0] == '-' && (argument[1] < '0' || argument[1] > '9');
}

// The Levenshtein distance: how many letters must be changed, added or left out.
std::size_t edit_distance(std::string_view from, std::string_view to) {
    std::vector<std::size_t> row(to.size() + 1); // distances from the part of `from` handled so far
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

std::string suggestion(std::string_view spelled) {
    std::string_view nearest;
    std::size_t least = spelled.size() / 3 + 1; // more would be a guess
    for (const Option& option : option_table) {
        const auto name = option.long_name();
        // The user may have typed a misspelled prefix.
        const auto distance = std::min(edit_distance(spelled, name),
                                       edit_distance(spelled, name.substr(0, spelled.size())) + 1);
        if (!option.is_positional() && distance < least) {
            least = distance;
            nearest = name;
        }
    }
    return nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest);
}

const Option& option_of_prefix(std::string_view spelled) {
    std::vector<const Option*> candidates;
    std::vector<std::string> names;
    for (const Option& option : option_table) {
        if (option.long_name() == spelled)
            return option;
        if (option.long_name().starts_with(spelled)) {
            candidates.push_back(&option);
            names.emplace_back(option.long_name());
        }
    }
    if (candidates.empty())
        throw CommandLineError("unknown option '{}'{}", spelled, suggestion(spelled));
    if (candidates.size() > 1)
        throw CommandLineError("option '{}' is ambiguous: it could be {}", spelled,
                               join(names, ", "));
    return *candidates.front();
}

class Translator {
public:
    explicit Translator(std::span<const std::string> arguments) : rest_(arguments) {}

    Translation run() {
        for (bool only_values = false; !rest_.empty();) {
            const std::string& argument = rest_.front();
            rest_ = rest_.subspan(1);
            if (only_values || !is_option(argument)) {
                result_.words.push_back(mark + argument);
            } else if (argument == "--") {
                only_values = true;
                result_.words.push_back(argument);
            } else if (argument.starts_with("--")) {
                add_long(argument);
            } else {
                add_letters(argument);
            }
        }
        return std::move(result_);
    }

private:
    void add_long(const std::string& argument) {
        const auto equals = argument.find('=');
        const Option& option = option_of_prefix(argument.substr(0, equals));
        add(option, option.long_name(),
            equals == argument.npos ? std::nullopt : std::optional(argument.substr(equals + 1)));
    }

    // Handles -K, several flags as in -IK, and a value as in -oDIR and -o=DIR.
    void add_letters(const std::string& argument) {
        for (std::size_t at = 1; at < argument.size(); ++at) {
            const auto option =
                std::find_if(option_table.begin(), option_table.end(),
                             [&](const Option& row) { return row.letter() == argument[at]; });
            const auto spelled = std::string("-") + argument[at];
            if (option == option_table.end())
                throw CommandLineError("unknown option '{}' (in '{}')", spelled, argument);
            const auto rest = argument.substr(at + 1 + (argument.substr(at + 1, 1) == "=" ? 1 : 0));
            if (option->is_flag() || at + 1 == argument.size()) {
                add(*option, spelled, std::nullopt);
                continue;
            }
            add(*option, spelled, rest);
            return;
        }
    }

    void add(const Option& option, std::string_view spelled, std::optional<std::string> attached) {
        const std::string name(option.long_name());
        result_.names[&owner_of(option)] = name;
        if (option.is_flag() && attached)
            throw CommandLineError("option '{}' takes no value, but was given '{}'", spelled,
                                   *attached);
        const bool has_next = !rest_.empty() && !is_option(rest_.front());
        if (!option.is_flag() && !option.is_list() &&
            (attached   ? *attached
             : has_next ? rest_.front()
                        : "")
                .empty())
            throw CommandLineError("option '{}' needs a value", spelled);
        result_.words.push_back(attached ? name + '=' + mark + *attached : name);
        if (attached && option.is_list())
            result_.words.emplace_back("--"); // the only word that ends a list for CLI11
    }

    std::span<const std::string> rest_;
    Translation result_;
};

} // namespace

Translation from_argparse(std::span<const std::string> arguments) {
    return Translator(arguments).run();
}

std::string meant_by(const std::string& word) {
    return word.substr(word.starts_with(mark) ? 1 : 0);
}

} // namespace ntd::cli
