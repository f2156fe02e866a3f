#pragma once

#include "option.h"

#include <ntd/base/error.h>

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ntd::cli {

// The command line cannot be parsed. The usage is printed with the message.
class CommandLineError : public UsageError {
    using UsageError::UsageError;
};

// An option on the command line.
struct Given {
    std::string name; // the full long name as given, perhaps an alias
    std::vector<std::string> words;
    bool on = false; // for a flag

    std::string value() const { return words.empty() ? "" : words.back(); }
};

// The parsed command line. Values are not checked yet.
class CommandLine {
public:
    explicit CommandLine(std::span<const std::string> arguments);

    // Returns nullptr if the option was not given, or the flag is off in the end. Aliases count for
    // the option that they name.
    const Given* find(const Option& option) const;
    const Given* find(std::string_view long_name) const;

private:
    std::map<const Option*, Given> given_;
};

} // namespace ntd::cli
