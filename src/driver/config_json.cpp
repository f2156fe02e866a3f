#include "config_json.h"

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/driver/values.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <limits>
#include <memory>

namespace ntd::driver {

namespace {

namespace fs = std::filesystem;

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

// Shortens the parser's message, "[json.exception...] parse error at line 2, column 3: syntax error
// while parsing value - unexpected ','; expected ...". Our own message already has the position.
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
    if (trim_right(text).empty())
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

} // namespace

Json read_json(const fs::path& file) {
    try {
        Json json = parse_json(file, read_text(file));
        if (!json.is_object())
            throw UsageError("configuration file '{}' holds {}; it must hold a JSON object",
                             file.string(), describe(json));
        return json;
    } catch (const SystemError& error) { // --config names a bad file: a usage error
        throw UsageError("{}", error.what());
    }
}

std::string ConfigValue::key_of(std::string_view inner) const {
    return key_.empty() ? std::string(inner) : fmt::format("{}.{}", key_, inner);
}

void ConfigValue::wrong_type(std::string_view wanted) const {
    throw UsageError("configuration file '{}': key '{}' is {}; it must be {}", file_.path.string(),
                     key_, describe(json_), wanted);
}

// The kernel would cut a path at the NUL.
void ConfigValue::refuse_nul(std::string_view text) const {
    if (text.find('\0') != text.npos)
        throw UsageError("configuration file '{}': key '{}' has a NUL character: \"{}\"",
                         file_.path.string(), key_, text);
}

std::string ConfigValue::program() const {
    if (!json_.is_string())
        wrong_type("a string");
    const auto& text = json_.get_ref<const std::string&>();
    refuse_nul(text);
    return text;
}

std::string ConfigValue::text() const {
    std::string text = program();
    if (text.empty())
        throw UsageError("configuration file '{}': key '{}' is an empty string",
                         file_.path.string(), key_);
    return text;
}

bool ConfigValue::truth() const {
    const auto truth = to_bool(json_);
    if (!truth)
        wrong_type("true or false");
    return *truth;
}

int ConfigValue::whole_number() const {
    const auto number = to_int(json_);
    if (!number)
        wrong_type("a whole number");
    return *number;
}

std::optional<double> ConfigValue::time_limit() const {
    if (json_.is_null())
        return std::nullopt;
    std::optional<double> seconds;
    if (json_.is_number())
        seconds = json_.get<double>();
    else if (json_.is_string())
        seconds = parse_time_limit(json_.get_ref<const std::string&>());
    if (!seconds || !is_time_limit(*seconds))
        wrong_type("a number of seconds above 0, a duration such as \"PT1H30M\" or "
                   "\"01:30:00\", of no more than 999999999 days, or null for no limit");
    return seconds;
}

std::vector<ConfigValue> ConfigValue::list(std::string_view wanted) const {
    if (!json_.is_array())
        wrong_type(wanted);
    std::vector<ConfigValue> values;
    for (const Json& item : json_)
        values.emplace_back(file_, key_of(std::to_string(values.size())), item);
    return values;
}

std::vector<std::pair<std::string, ConfigValue>>
ConfigValue::members(std::string_view wanted) const {
    if (!json_.is_object())
        wrong_type(wanted);
    std::vector<std::pair<std::string, ConfigValue>> members;
    for (const auto& [name, value] : json_.items())
        members.emplace_back(name, ConfigValue(file_, key_of(name), value));
    return members;
}

void missing_key(const ConfigValue& object, std::string_view key) {
    throw UsageError("configuration file '{}': key '{}' is missing", object.file().path.string(),
                     object.key_of(key));
}

void note_unknown_key(const ConfigValue& object, const std::string& key) {
    object.file().unknown_keys.push_back(object.key_of(key));
}

std::string object_with(std::span<const std::string_view> required_keys) {
    const std::vector<std::string> names(required_keys.begin(), required_keys.end());
    return fmt::format("an object with the key{} '{}'", names.size() == 1 ? "" : "s",
                       join(names, "' and '"));
}

} // namespace ntd::driver
