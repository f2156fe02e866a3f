#pragma once

#include "option.h"

#include <ntd/base/error.h>

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ntd::cli {

// The command line itself cannot be understood: the usage is shown with the message.
class CommandLineError : public UsageError {
    using UsageError::UsageError;
};

// An option that was given.
struct Given {
    std::string name; // in full, but an alias is itself
    std::vector<std::string> words;
    bool on = false; // of a flag

    std::string value() const { return words.empty() ? "" : words.back(); }
};

// The command line taken apart after the table, nothing looked at yet.
class CommandLine {
public:
    explicit CommandLine(std::span<const std::string> arguments);

    // nullptr if it was not given, or the flag is not set in the end. An option has what was given
    // under its other names.
    const Given* find(const Option& option) const;
    const Given* find(std::string_view long_name) const;

private:
    std::map<const Option*, Given> given_;
};

} // namespace ntd::cli
