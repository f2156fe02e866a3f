#include <ntd/machine/names.h>

#include <ntd/base/error.h>
#include <ntd/base/text.h>

#include <algorithm>

namespace ntd::machine {

namespace {

// NAME_MAX minus the prefix of the state directory's name.
constexpr std::size_t longest_name = 255 - std::string_view("vm-state-").size();

// A VLAN's tap device is called vde-tapN. Linux limits names of network devices to 15 characters.
constexpr int largest_vlan = 99'999'999;

constexpr std::size_t longest_shown = 300;

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

} // namespace

std::string shown_name(std::string_view name) {
    std::string shown;
    for (const char c : name.substr(0, longest_shown)) {
        if (is_control(c))
            shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        else
            shown += c;
    }
    return valid_utf8(shown) + (name.size() > longest_shown ? "..." : "");
}

std::optional<std::string> trouble_with_name(std::string_view name) {
    if (name.empty())
        return "it is empty";
    if (name == "." || name == "..")
        return "it means a directory that exists already";
    if (name.find('/') != name.npos)
        return "it has a '/'";
    if (std::any_of(name.begin(), name.end(), is_control))
        return "it has a control character";
    if (name.size() > longest_name)
        return fmt::format("it has {} bytes, and {} is the most", name.size(), longest_name);
    return std::nullopt;
}

void check_machine_name(std::string_view name) {
    if (const auto trouble = trouble_with_name(name))
        throw UsageError("machine name '{}' cannot be used: {}; its state directory is named "
                         "after it",
                         shown_name(name), *trouble);
}

void check_vlan_number(int number) {
    if (number < 0 || number > largest_vlan)
        throw UsageError("VLAN number {} cannot be used: it must be from 0 to {}", number,
                         largest_vlan);
}

} // namespace ntd::machine
