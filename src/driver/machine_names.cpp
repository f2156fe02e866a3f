#include "ascii.h"

#include <ntd/driver/config.h>

namespace ntd::driver {

namespace {

std::string_view last_component(std::string_view path) {
    return path.substr(path.rfind('/') + 1); // npos + 1 is 0
}

// Finds NAME in "HASH-run-NAME-vm": store paths begin with a hash.
std::optional<std::string_view> name_in(std::string_view component, std::string_view suffix) {
    constexpr std::string_view prefix = "run-";
    const auto begin = component.find(prefix);
    if (begin == component.npos || !component.ends_with(suffix))
        return std::nullopt;
    const auto name = begin + prefix.size();
    if (component.size() <= name + suffix.size())
        return std::nullopt;
    return component.substr(name, component.size() - suffix.size() - name);
}

} // namespace

std::string machine_name(std::string_view start_script) {
    for (const std::string_view suffix : {"-vm", "-nspawn"})
        if (const auto name = name_in(last_component(start_script), suffix))
            return std::string(*name);
    return "machine";
}

std::string python_name(std::string_view machine) {
    std::string name;
    for (const char c : machine) {
        if ((static_cast<unsigned char>(c) & 0xC0) == 0x80)
            continue; // a character of several bytes becomes one underscore
        const bool usable = is_ascii_letter(c) || c == '_' || (is_ascii_digit(c) && !name.empty());
        name += usable ? c : '_';
    }
    return name;
}

} // namespace ntd::driver
