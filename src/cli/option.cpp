#include "option.h"

#include "option_table.h"

#include <ntd/base/error.h>
#include <ntd/base/text.h>

#include <algorithm>
#include <iterator>

namespace ntd::cli {

std::string Value::source() const {
    return std::string(variable.empty() ? option.long_name() : variable);
}

void Value::refuse(std::string_view what) const {
    throw UsageError("{} '{}': {}", source(), text(), what);
}

std::size_t Value::choice() const {
    const auto index = option.choice_of(text());
    if (!index)
        refuse(fmt::format("it must be {}", alternatives(option.choices)));
    return *index;
}

std::string sources_of(const Option& option) {
    return option.variable.empty() ? std::string(option.long_name())
                                   : fmt::format("{} or ${}", option.long_name(), option.variable);
}

std::string enumeration(std::span<const std::string> words, std::string_view last) {
    std::string text = join(words, ", ");
    if (const auto at = text.rfind(", "); at != text.npos)
        text.replace(at, 1, fmt::format(" {}", last));
    return text;
}

std::string alternatives(std::string_view words) {
    return enumeration(split_blanks(words), "or");
}

std::optional<std::size_t> Option::choice_of(std::string_view word) const {
    const auto words = split_blanks(choices);
    const auto found = std::find(words.begin(), words.end(), word);
    if (found == words.end())
        return std::nullopt;
    return std::distance(words.begin(), found);
}

const Option& option_named(std::string_view long_name) {
    return *std::find_if(option_table.begin(), option_table.end(),
                         [&](const Option& option) { return option.long_name() == long_name; });
}

const Option& owner_of(const Option& option) {
    const auto owner = option.same_as.empty() ? option.negates : option.same_as;
    return owner.empty() ? option : option_named(owner);
}

} // namespace ntd::cli
