#include <ntd/proto/qmp_codec.h>

#include <ntd/base/error.h>

#include <nlohmann/json.hpp>

namespace ntd::proto {

namespace {

using nlohmann::json;

// The limit of nested brackets. QEMU's answers have a few dozen levels; a recursive parser would
// overflow the stack with very many.
constexpr int most_depth = 500;

bool is_too_deep(std::string_view text) {
    int depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size() && depth <= most_depth; ++i) {
        const char c = text[i];
        if (c == '"')
            in_string = !in_string;
        else if (in_string)
            i += c == '\\' ? 1 : 0;
        else if (c == '[' || c == '{')
            ++depth;
        else if (c == ']' || c == '}')
            --depth;
    }
    return depth > most_depth;
}

std::string string_at(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

[[noreturn]] void throw_garbage(std::string_view line) {
    throw ProtocolError("QMP: not a message: '{}'", printable(line.substr(0, 200)));
}

QmpMessage classify(const json& object, std::string_view line) {
    QmpMessage message;
    message.json = object.dump(-1, ' ', false, json::error_handler_t::replace);
    if (const auto id = object.find("id"); id != object.end() && id->is_number_integer())
        message.id = id->get<std::int64_t>();
    if (object.contains("QMP")) {
        message.kind = QmpMessage::Kind::greeting;
    } else if (object.contains("return")) {
        message.kind = QmpMessage::Kind::success;
    } else if (const auto error = object.find("error"); error != object.end()) {
        message.kind = QmpMessage::Kind::error;
        if (error->is_object()) {
            message.error_class = string_at(*error, "class");
            message.error_description = string_at(*error, "desc");
        }
    } else if (message.event = string_at(object, "event"); !message.event.empty()) {
        message.kind = QmpMessage::Kind::event;
    } else {
        throw_garbage(line);
    }
    return message;
}

// A member of the event that is an object.
json object_of(const QmpMessage& event, std::string_view name) {
    const auto whole = json::parse(event.json, nullptr, false);
    const auto object = whole.find(name);
    return object != whole.end() && object->is_object() ? *object : json::object();
}

json data_of(const QmpMessage& event) {
    return object_of(event, "data");
}

} // namespace

std::string qmp_command(std::string_view name, std::string_view arguments, std::int64_t id) {
    json command = {{"execute", name}, {"id", id}};
    if (!arguments.empty()) {
        if (is_too_deep(arguments))
            throw UsageError("QMP: the arguments of '{}' have more than {} nested brackets", name,
                             most_depth);
        command["arguments"] = json::parse(arguments, nullptr, false);
        if (!command["arguments"].is_object())
            throw UsageError("QMP: the arguments of '{}' are not a JSON object: {}", name,
                             arguments);
    }
    return command.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string
json_object(std::initializer_list<std::pair<std::string_view, std::string_view>> members) {
    json object = json::object();
    for (const auto& [key, value] : members)
        object[std::string(key)] = value;
    return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

bool qmp_caused_by_guest(const QmpMessage& event) {
    return data_of(event).value("guest", json()) == true;
}

std::chrono::system_clock::time_point qmp_time(const QmpMessage& event) {
    using Clock = std::chrono::system_clock;
    const auto timestamp = object_of(event, "timestamp");
    const auto seconds = timestamp.value("seconds", json());
    const auto microseconds = timestamp.value("microseconds", json());
    constexpr std::int64_t most = std::int64_t{1} << 33; // seconds, in the year 2242
    const auto is_time = [](const json& number) {
        return number.is_number_integer() && number >= 0 && number <= most;
    };
    if (!is_time(seconds) || !is_time(microseconds))
        return Clock::time_point::max();
    return Clock::time_point(std::chrono::seconds(seconds.get<std::int64_t>()) +
                             std::chrono::microseconds(microseconds.get<std::int64_t>()));
}

std::optional<bool> qmp_port_is_open(const QmpMessage& event, std::string_view id) {
    if (event.event != "VSERPORT_CHANGE")
        return std::nullopt;
    const auto data = data_of(event);
    const auto open = data.value("open", json());
    if (data.value("id", json()) != id || !open.is_boolean())
        return std::nullopt;
    return open == true;
}

std::optional<QmpMessage> QmpDecoder::next() {
    for (;;) {
        const auto line = lines_.next();
        if (!line)
            return std::nullopt;
        if (trim_right(*line).empty())
            continue;
        if (is_too_deep(*line))
            throw ProtocolError("QMP: a message with more than {} nested brackets: '{}'...",
                                most_depth, printable(line->substr(0, 200)));
        const auto object = json::parse(*line, nullptr, false);
        if (!object.is_object())
            throw_garbage(*line);
        return classify(object, *line);
    }
}

} // namespace ntd::proto
