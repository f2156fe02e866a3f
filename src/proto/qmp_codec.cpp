#include <ntd/proto/qmp_codec.h>

#include <ntd/base/error.h>

#include <nlohmann/json.hpp>

namespace ntd::proto {

namespace {

using nlohmann::json;

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

} // namespace

std::string qmp_command(std::string_view name, std::string_view arguments, std::int64_t id) {
    json command = {{"execute", name}, {"id", id}};
    if (!arguments.empty()) {
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
    const auto object = json::parse(event.json, nullptr, false);
    const auto data = object.find("data");
    if (data == object.end() || !data->is_object())
        return false;
    const auto guest = data->find("guest");
    return guest != data->end() && *guest == true;
}

std::optional<QmpMessage> QmpDecoder::next() {
    for (;;) {
        const auto line = lines_.next();
        if (!line)
            return std::nullopt;
        if (trim_right(*line).empty())
            continue;
        const auto object = json::parse(*line, nullptr, false);
        if (!object.is_object())
            throw_garbage(*line);
        return classify(object, *line);
    }
}

} // namespace ntd::proto
