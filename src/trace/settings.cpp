#include <ntd/trace/trace.h>

#include <ntd/base/error.h>

#include "names.h"

#include <fmt/ranges.h>

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>

namespace ntd::trace {

namespace {

[[noreturn]] void refuse(std::string_view item) {
    throw UsageError("NTD_TRACE_LEVEL: '{}' is neither a level ({}) nor CATEGORY=LEVEL with one of "
                     "the categories {}",
                     item, fmt::join(level_names, ", "), fmt::join(category_names, ", "));
}

// The index of a name in its list.
template <std::size_t size>
std::size_t number_of(std::string_view name,
                      const std::array<std::string_view, size>& names,
                      std::string_view item) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
        refuse(item);
    return static_cast<std::size_t>(found - names.begin());
}

// Parses "debug,channel=trace,os=info". Later items override earlier ones.
Levels levels_of(std::string_view text) {
    Levels levels;
    levels.fill(Level::trace);
    while (!text.empty()) {
        const auto item = text.substr(0, text.find(','));
        text.remove_prefix(std::min(item.size() + 1, text.size()));
        const auto equals = item.find('=');
        const auto name = equals == item.npos ? item : item.substr(equals + 1);
        const auto level = static_cast<Level>(number_of(name, level_names, item));
        if (equals == item.npos)
            levels.fill(level);
        else
            levels.at(number_of(item.substr(0, equals), category_names, item)) = level;
    }
    return levels;
}

UniqueFd open_file(const char* file) {
    UniqueFd fd(::open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600));
    if (!fd)
        throw UsageError("cannot write the trace of $NTD_TRACE: '{}': {}", file,
                         std::generic_category().message(errno));
    return fd;
}

} // namespace

Settings settings_from(const char* file, const char* levels) {
    Settings settings;
    settings.levels = levels_of(levels != nullptr ? levels : "");
    if (file != nullptr && *file != '\0')
        settings.file = open_file(file);
    return settings;
}

} // namespace ntd::trace
