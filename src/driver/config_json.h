#pragma once

#include <ntd/driver/config_keys.h>

#include <nlohmann/json.hpp>

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ntd::driver {

using Json = nlohmann::json;

// Parses the file. Throws UsageError, with the position, if it is not JSON.
Json read_json(const std::filesystem::path& file);

// The file of --config while we read it.
struct ConfigFile {
    const std::filesystem::path& path;
    std::vector<std::string>& unknown_keys;
};

// A value in the file and its key. All functions throw UsageError with the file and the key, which
// is dotted from the top of the file.
class ConfigValue {
public:
    ConfigValue(ConfigFile file, std::string key, const Json& json)
        : file_(file), key_(std::move(key)), json_(json) {}

    const std::string& key() const { return key_; }
    std::string key_of(std::string_view inner) const;
    ConfigFile file() const { return file_; }
    const Json& json() const { return json_; }
    bool is_null() const { return json_.is_null(); }

    std::string text() const;    // a string that is not empty and has no NUL
    std::string program() const; // like text(), but may be empty
    bool truth() const;          // a boolean, or "yes", "off", 1 and the like
    int whole_number() const;    // an integer; also as a string, or as 3.0
    std::optional<double> time_limit() const;
    std::vector<ConfigValue> list(std::string_view wanted) const;
    std::vector<std::pair<std::string, ConfigValue>> members(std::string_view wanted) const;

    [[noreturn]] void wrong_type(std::string_view wanted) const;

private:
    void refuse_nul(std::string_view text) const;

    ConfigFile file_;
    std::string key_;
    const Json& json_;
};

// A key of an object: its documentation and the function that takes its value. `otherwise` is the
// default, as JSON. A key without it is required.
template <class Object>
struct Key {
    std::string_view name;
    std::string_view type;
    std::string_view otherwise{};
    std::string_view help;
    void (*read)(const ConfigValue& value, Object& into);

    bool is_required() const { return otherwise.empty(); }
};

[[noreturn]] void missing_key(const ConfigValue& object, std::string_view key);
void note_unknown_key(const ConfigValue& object, const std::string& key);

// "an object with the keys 'name' and 'start_script'"
std::string object_with(std::span<const std::string_view> required_keys);

template <class Object>
std::string object_with(std::span<const Key<Object>> keys) {
    std::vector<std::string_view> required;
    for (const auto& key : keys)
        if (key.is_required())
            required.push_back(key.name);
    return object_with(required);
}

// Reads the keys of an object, in the order of their table.
template <class Object>
void read_keys(const ConfigValue& object, std::span<const Key<Object>> keys, Object& into) {
    for (const auto& key : keys) {
        const auto found = object.json().find(key.name);
        if (found != object.json().end())
            key.read({object.file(), object.key_of(key.name), *found}, into);
        else if (key.is_required())
            missing_key(object, key.name);
        else
            key.read({object.file(), object.key_of(key.name), Json::parse(key.otherwise)}, into);
    }
    for (const auto& [name, value] : object.json().items()) {
        bool is_known = false;
        for (const auto& key : keys)
            is_known |= key.name == name;
        if (!is_known)
            note_unknown_key(object, name);
    }
}

} // namespace ntd::driver
