#include <ntd/driver/config.h>

#include <ntd/base/error.h>
#include <ntd/base/text.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <memory>
#include <regex>
#include <system_error>

namespace ntd::driver {

namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

std::string_view trim(std::string_view text) {
    text = trim_right(text);
    return text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
}

std::optional<double> parse_decimal(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

// The longest that Python has as a duration.
constexpr double longest_time_limit = 999'999'999 * 86400.0;

bool is_time_limit(double seconds) {
    return seconds > 0 && seconds <= longest_time_limit;
}

// ------------------------------------------------------------------------------- reading the file

std::string read_text(const fs::path& file) {
    struct Close {
        void operator()(std::FILE* stream) const { std::fclose(stream); }
    };
    const std::unique_ptr<std::FILE, Close> stream(std::fopen(file.c_str(), "re"));
    if (!stream)
        throw_errno("open configuration file '{}'", file.string());
    std::string text;
    std::array<char, 65536> buffer{};
    for (std::size_t n = 1; n > 0;) {
        n = std::fread(buffer.data(), 1, buffer.size(), stream.get());
        text.append(buffer.data(), n);
    }
    if (std::ferror(stream.get()))
        throw_errno("read configuration file '{}'", file.string());
    return text;
}

// The parser says "[json.exception...] parse error at line 2, column 3: syntax error while parsing
// value - unexpected ','; expected ...". The position is given before it; the rest is for people.
std::string plain_reason(std::string_view message) {
    constexpr std::string_view marker = "syntax error ";
    if (const auto at = message.find(marker); at != message.npos)
        message.remove_prefix(at + marker.size());
    else if (const auto bracket = message.find("] "); bracket != message.npos)
        message.remove_prefix(bracket + 2);
    std::string reason = valid_utf8(message);
    if (const auto dash = reason.find(" - "); dash != reason.npos)
        reason.replace(dash, 3, ": ");
    return reason;
}

Json parse_json(const fs::path& file, const std::string& text) {
    if (trim(text).empty())
        throw UsageError("configuration file '{}' is empty; it must hold a JSON object",
                         file.string());
    try {
        return Json::parse(text);
    } catch (const Json::parse_error& error) {
        const auto byte = std::clamp<std::size_t>(error.byte, 1, text.size());
        const auto before = std::string_view(text).substr(0, byte - 1);
        const auto line = std::count(before.begin(), before.end(), '\n') + 1;
        const auto column = byte - (before.rfind('\n') + 1); // npos + 1 is 0
        throw UsageError("configuration file '{}' is not JSON, at line {}, column {} (byte {}): {}",
                         file.string(), line, column, byte, plain_reason(error.what()));
    } catch (const Json::exception& error) {
        throw UsageError("configuration file '{}' cannot be used: {}", file.string(),
                         plain_reason(error.what()));
    }
}

std::string describe(const Json& value) {
    if (value.is_null())
        return "null";
    if (value.is_array())
        return "a list";
    if (value.is_object())
        return "an object";
    constexpr std::size_t longest = 60;
    std::string shown = value.dump();
    if (shown.size() > longest)
        shown = valid_utf8(shown.substr(0, longest)) + "...";
    const auto* type = value.is_string() ? "string" : value.is_boolean() ? "boolean" : "number";
    return fmt::format("the {} {}", type, shown);
}

std::optional<int> to_int(const Json& value) {
    constexpr auto least = std::numeric_limits<int>::min();
    constexpr auto most = std::numeric_limits<int>::max();
    if (value.is_string())
        return parse_int(value.get_ref<const std::string&>());
    if (!value.is_number())
        return std::nullopt;
    const auto number = value.get<double>(); // every int is exact as a double
    if (number != std::trunc(number) || number < least || number > most)
        return std::nullopt;
    return static_cast<int>(number);
}

std::optional<bool> to_bool(const Json& value) {
    if (value.is_boolean())
        return value.get<bool>();
    std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    constexpr std::array truths{"1", "true", "yes", "on"};
    constexpr std::array lies{"0", "false", "no", "off"};
    if (std::find(truths.begin(), truths.end(), text) != truths.end())
        return true;
    if (std::find(lies.begin(), lies.end(), text) != lies.end())
        return false;
    return std::nullopt;
}

// Takes the file's values apart; keys in messages are dotted, from the top of the file.
class ConfigReader {
public:
    ConfigReader(const fs::path& file, std::vector<std::string>& unknown_keys)
        : file_(file), unknown_keys_(unknown_keys) {}

    Config read(const Json& top) const {
        if (!top.is_object())
            throw UsageError("configuration file '{}' holds {}; it must hold a JSON object",
                             file_.string(), describe(top));
        Config config{.habits = machine::habits_of_file};
        config.vms = read_machines(top, "vms", {"name", "start_script", "vnc"});
        config.containers =
            read_machines(top, "containers",
                          {"name", "start_script", "display_targets", "display_exporters", "vnc"});
        config.vlans = read_vlans(require(top, "", "vlans"));
        config.global_timeout = read_time_limit(require(top, "", "global_timeout"));
        config.enable_ssh_backdoor = read_bool(top, "enable_ssh_backdoor");
        config.vsock_siblings = top.contains("vsock_siblings") && read_bool(top, "vsock_siblings");
        config.test_script = read_string(top, "", "test_script");
        config.display_viewers = read_programs(top, "", "display_viewers", "executable", {"kind"});
        note_unknown(top, "",
                     {"vms", "containers", "vlans", "global_timeout", "enable_ssh_backdoor",
                      "vsock_siblings", "test_script", "display_viewers"});
        return config;
    }

private:
    using Names = std::vector<std::string_view>;
    static constexpr auto xauthority = "/root/.Xauthority";

    [[noreturn]] void
    wrong_type(std::string_view key, const Json& found, std::string_view wanted) const {
        throw UsageError("configuration file '{}': key '{}' is {}; it must be {}", file_.string(),
                         key, describe(found), wanted);
    }

    const Json& require(const Json& object, std::string_view prefix, std::string_view key) const {
        const auto found = object.find(key);
        if (found == object.end())
            throw UsageError("configuration file '{}': key '{}{}' is missing", file_.string(),
                             prefix, key);
        return *found;
    }

    void note_unknown(const Json& object, std::string_view prefix, const Names& known) const {
        for (const auto& [key, value] : object.items())
            if (std::find(known.begin(), known.end(), key) == known.end())
                unknown_keys_.push_back(fmt::format("{}{}", prefix, key));
    }

    // Of a path the system would take what is before it.
    void refuse_nul(std::string_view key, std::string_view text) const {
        if (text.find('\0') != text.npos)
            throw UsageError("configuration file '{}': key '{}' has a NUL character: \"{}\"",
                             file_.string(), key, text);
    }

    std::string
    read_string(const Json& object, std::string_view prefix, std::string_view key) const {
        const Json& value = require(object, prefix, key);
        if (!value.is_string())
            wrong_type(fmt::format("{}{}", prefix, key), value, "a string");
        const auto& text = value.get_ref<const std::string&>();
        if (text.empty())
            throw UsageError("configuration file '{}': key '{}{}' is an empty string",
                             file_.string(), prefix, key);
        refuse_nul(fmt::format("{}{}", prefix, key), text);
        return text;
    }

    bool read_bool(const Json& object, std::string_view key) const {
        const Json& value = require(object, "", key);
        const auto flag = to_bool(value);
        if (!flag)
            wrong_type(key, value, "true or false");
        return *flag;
    }

    std::vector<MachineConfig>
    read_machines(const Json& top, std::string_view group, const Names& known) const {
        const Json& machines = require(top, "", group);
        if (!machines.is_object())
            wrong_type(group, machines, "an object with one entry per machine");
        std::vector<MachineConfig> result;
        for (const auto& [name, value] : machines.items()) {
            const auto key = fmt::format("{}.{}", group, name);
            if (!value.is_object())
                wrong_type(key, value, "an object with the keys 'name' and 'start_script'");
            const auto prefix = key + ".";
            result.push_back({.name = name,
                              .host_name = read_string(value, prefix, "name"),
                              .start_script = read_string(value, prefix, "start_script"),
                              .display_targets = read_displays(value, prefix),
                              .display_servers = read_programs(value, prefix, "display_exporters",
                                                               "server", {"kind", "relay"})});
            read_vnc(value, prefix, result.back());
            note_unknown(value, prefix, known);
        }
        return result;
    }

    // A screen of X11 that is shown through VNC, with the programs for it: all of it in one key.
    void read_vnc(const Json& object, std::string_view prefix, MachineConfig& machine) const {
        const auto found = object.find("vnc");
        if (found == object.end() || found->is_null())
            return;
        const auto key = fmt::format("{}vnc", prefix);
        if (!found->is_object())
            wrong_type(key, *found, "an object with the keys 'x11vnc' and 'tigervnc', or null");
        if (!machine.display_targets.empty() || !machine.display_servers.empty())
            throw UsageError("configuration file '{}': keys '{}' and '{}' both say how the "
                             "machine's screen is shown; give one of them",
                             file_.string(), key,
                             fmt::format("{}{}", prefix,
                                         machine.display_targets.empty() ? "display_exporters"
                                                                         : "display_targets"));
        const auto inner = key + ".";
        machine.display_targets = {{.backend = "x11", .display = ":0", .xauthority = xauthority}};
        machine.display_servers = {{"x11", read_string(*found, inner, "x11vnc")}};
        machine.display_viewers = {{"vnc", read_string(*found, inner, "tigervnc")}};
        note_unknown(*found, inner, {"x11vnc", "tigervnc"});
    }

    // Programs by name, as such or in an object with other strings; none if the key is missing.
    std::map<std::string, std::string> read_programs(const Json& object,
                                                     std::string_view prefix,
                                                     std::string_view key,
                                                     std::string_view program,
                                                     const Names& others) const {
        const auto found = object.find(key);
        if (found == object.end())
            return {};
        const auto full_key = fmt::format("{}{}", prefix, key);
        if (!found->is_object())
            wrong_type(full_key, *found,
                       fmt::format("an object of objects with the key '{}'", program));
        std::map<std::string, std::string> programs;
        for (const auto& [name, value] : found->items()) {
            const auto item = fmt::format("{}.{}", full_key, name);
            if (!value.is_object() && !value.is_string())
                wrong_type(item, value, fmt::format("an object with the key '{}'", program));
            programs[name] = value.is_object() ? read_string(value, item + ".", program)
                                               : value.get<std::string>();
            refuse_nul(item, programs[name]);
            if (!value.is_object())
                continue;
            for (const auto& other : others)
                if (value.contains(other) && !value.at(std::string(other)).is_null())
                    read_string(value, item + ".", other);
            Names known = others;
            known.push_back(program);
            note_unknown(value, item + ".", known);
        }
        return programs;
    }

    std::vector<DisplayTarget> read_displays(const Json& machine, std::string_view prefix) const {
        const auto found = machine.find("display_targets");
        if (found == machine.end())
            return {};
        if (!found->is_array())
            wrong_type(fmt::format("{}display_targets", prefix), *found, "a list of objects");
        std::vector<DisplayTarget> displays;
        for (const Json& value : *found) {
            const auto item = fmt::format("{}display_targets.{}", prefix, displays.size());
            if (!value.is_object())
                wrong_type(item, value, "an object with a 'backend'");
            const auto or_default = [&](std::string_view key, const char* otherwise) {
                return value.contains(key) ? read_string(value, item + ".", key) : otherwise;
            };
            displays.push_back({.backend = read_string(value, item + ".", "backend"),
                                .display = or_default("display", ":0"),
                                .xauthority = or_default("xauthority", xauthority)});
            note_unknown(value, item + ".", {"backend", "display", "xauthority"});
        }
        return displays;
    }

    std::vector<int> read_vlans(const Json& list) const {
        if (!list.is_array())
            wrong_type("vlans", list, "a list of whole numbers");
        std::vector<int> vlans;
        for (const Json& item : list) {
            const auto number = to_int(item);
            if (!number)
                wrong_type(fmt::format("vlans.{}", vlans.size()), item, "a whole number");
            vlans.push_back(*number);
        }
        return vlans;
    }

    std::optional<double> read_time_limit(const Json& value) const {
        if (value.is_null())
            return std::nullopt;
        std::optional<double> seconds;
        if (value.is_number())
            seconds = value.get<double>();
        else if (value.is_string())
            seconds = parse_time_limit(value.get_ref<const std::string&>());
        if (!seconds || !is_time_limit(*seconds))
            wrong_type("global_timeout", value,
                       "a number of seconds above 0, a duration such as \"PT1H30M\" or "
                       "\"01:30:00\", of no more than 999999999 days, or null for no limit");
        return seconds;
    }

    const fs::path& file_;
    std::vector<std::string>& unknown_keys_;
};

// ------------------------------------------------------------------------------------------ names

bool is_ascii_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_ascii_digit(char c) {
    return c >= '0' && c <= '9';
}

std::string_view last_component(std::string_view path) {
    return path.substr(path.rfind('/') + 1); // npos + 1 is 0
}

// A store path has a hash in front of it: "HASH-run-NAME-vm".
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

Config read_config(const fs::path& file, std::vector<std::string>& unknown_keys) {
    try {
        return ConfigReader(file, unknown_keys).read(parse_json(file, read_text(file)));
    } catch (const SystemError& error) { // what was given to --config is what is wrong
        throw UsageError("{}", error.what());
    }
}

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

std::optional<int> parse_int(std::string_view text) {
    text = trim(text);
    if (text.starts_with('+') && text.size() > 1 && is_ascii_digit(text[1]))
        text.remove_prefix(1);
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

std::optional<double> parse_iso_duration(std::string_view text) {
    struct Unit {
        char letter;
        double seconds;
        bool is_time; // stands after the T
    };
    constexpr std::array units{Unit{'W', 604800, false}, Unit{'D', 86400, false},
                               Unit{'H', 3600, true}, Unit{'M', 60, true}, Unit{'S', 1, true}};
    if (!text.starts_with('P'))
        return std::nullopt;
    text.remove_prefix(1);
    double total = 0;
    bool in_time = false;
    auto next_unit = units.begin(); // they come in this order, each at most once
    do {
        if (!in_time && text.starts_with('T')) {
            in_time = true;
            text.remove_prefix(1);
        }
        const auto length = std::min(text.find_first_not_of("0123456789.,"), text.size());
        std::string digits(text.substr(0, length));
        std::replace(digits.begin(), digits.end(), ',', '.');
        const auto count = parse_decimal(digits);
        if (!count || !is_ascii_digit(digits.front()) || length == text.size())
            return std::nullopt;
        next_unit = std::find_if(next_unit, units.end(), [&](const Unit& unit) {
            return unit.letter == text[length] && unit.is_time == in_time;
        });
        if (next_unit == units.end())
            return std::nullopt;
        total += *count * next_unit++->seconds;
        text.remove_prefix(length + 1);
    } while (!text.empty());
    return total;
}

std::optional<double> parse_clock_duration(std::string_view text) {
    static const std::regex form(R"((?:(\d{1,9}) ?(?:d|days?)?,? {1,9})?(\d{1,11}):([0-5]\d))"
                                 R"((?::([0-5]\d(?:\.\d{1,9})?))?)",
                                 std::regex::optimize);
    std::cmatch parts;
    if (!std::regex_match(text.data(), text.data() + text.size(), parts, form))
        return std::nullopt;
    const auto part = [&](std::size_t number) {
        return parse_decimal({parts[number].first, std::size_t(parts.length(number))}).value_or(0);
    };
    return 86400 * part(1) + 3600 * part(2) + 60 * part(3) + part(4);
}

std::optional<double> parse_time_limit(std::string_view text) {
    text = trim(text);
    auto seconds = parse_decimal(text);
    if (!seconds)
        seconds = text.starts_with('P') ? parse_iso_duration(text) : parse_clock_duration(text);
    if (!seconds || !is_time_limit(*seconds))
        return std::nullopt;
    return seconds;
}

} // namespace ntd::driver
