#include "qmp.h"

#include <chrono>
#include <map>

#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include "hmp.h"
#include "machine.h"
#include "options.h"

namespace fake {

namespace {

using Json = nlohmann::ordered_json;

struct QmpError { // thrown by commands, becomes the reply
    std::string kind;
    std::string description;
};

QmpError generic(const std::string& description) {
    return {"GenericError", description};
}

std::string text_argument(const Json& arguments, const char* key) {
    if (!arguments.contains(key))
        throw generic(std::string("Parameter '") + key + "' is missing");
    if (!arguments[key].is_string())
        throw generic(std::string("Invalid parameter type for '") + key + "', expected: string");
    return arguments[key];
}

Json version() {
    return {{"qemu", {{"micro", 0}, {"minor", 2}, {"major", 7}}}, {"package", "fake_vm"}};
}

Json query_status(Machine& machine, const Json&) {
    const bool running = machine.is_running();
    return {{"status", machine.status()}, {"singlestep", false}, {"running", running}};
}

Json screendump(Machine& machine, const Json& arguments) {
    const std::string path = text_argument(arguments, "filename");
    const std::string format = arguments.value("format", "ppm");
    if (format != "ppm" && format != "png")
        throw generic("Parameter 'format' does not accept value '" + format + "'");
    const std::string error = machine.dump_screen(path, format);
    if (!error.empty())
        throw generic(error);
    return Json::object();
}

Json set_link(Machine& machine, const Json& arguments) {
    const std::string name = text_argument(arguments, "name");
    if (!machine.has_device(name))
        throw QmpError{"DeviceNotFound", "Device '" + name + "' not found"};
    return Json::object();
}

Json send_key(Machine& machine, const Json& arguments) {
    std::string keys;
    for (const Json& key : arguments.value("keys", Json::array())) {
        if (!keys.empty())
            keys += '-';
        keys += key.value("data", "");
    }
    machine.press(keys);
    return Json::object();
}

using Handler = Json (*)(Machine&, const Json&);

template <void (Machine::*Action)()>
Json act(Machine& machine, const Json&) {
    (machine.*Action)();
    return Json::object();
}

Json query_commands(Machine&, const Json&);

const std::map<std::string, Handler> commands = {
    {"query-status", query_status},
    {"query-version", [](Machine&, const Json&) { return version(); }},
    {"query-kvm",
     [](Machine& m, const Json&) {
         return Json{{"enabled", m.has_kvm()}, {"present", true}};
     }},
    {"query-name",
     [](Machine& m, const Json&) {
         return Json{{"name", m.name()}};
     }},
    {"query-commands", query_commands},
    {"stop", act<&Machine::pause>},
    {"cont", act<&Machine::resume>},
    {"system_powerdown", act<&Machine::power_down>},
    {"system_reset", [](Machine& m, const Json&) { return m.reset(Cause::host), Json::object(); }},
    {"quit", [](Machine& m, const Json&) { return m.quit("host-qmp-quit"), Json::object(); }},
    {"human-monitor-command",
     [](Machine& m, const Json& a) {
         return Json(run_hmp_command(m, text_argument(a, "command-line")));
     }},
    {"screendump", screendump},
    {"set_link", set_link},
    {"send-key", send_key},
};

Json query_commands(Machine&, const Json&) {
    Json list = Json::array();
    for (const auto& [name, handler] : commands)
        list.push_back({{"name", name}});
    return list;
}

Json run(Machine& machine, const Json& request, bool& negotiated) {
    if (!request.is_object())
        throw generic("QMP input must be a JSON object");
    if (!request.contains("execute"))
        throw generic("QMP input lacks member 'execute'");
    const std::string name = text_argument(request, "execute");
    if (name == "qmp_capabilities") {
        if (std::exchange(negotiated, true))
            throw QmpError{"CommandNotFound",
                           "Capabilities negotiation is already complete, command ignored"};
        return Json::object();
    }
    if (!negotiated)
        throw QmpError{"CommandNotFound",
                       "Expecting capabilities negotiation with 'qmp_capabilities'"};
    const auto found = commands.find(name);
    if (found == commands.end())
        throw QmpError{"CommandNotFound", "The command " + name + " has not been found"};
    return found->second(machine, request.value("arguments", Json::object()));
}

Json answer(Machine& machine, const std::string& text, bool& negotiated) {
    Json reply;
    Json id;
    try {
        const Json request = Json::parse(text);
        if (request.is_object() && request.contains("id"))
            id = request["id"];
        reply = {{"return", run(machine, request, negotiated)}};
    } catch (const QmpError& error) {
        reply = {{"error", {{"class", error.kind}, {"desc", error.description}}}};
    } catch (const Json::exception&) {
        reply = {{"error", {{"class", "GenericError"}, {"desc", "JSON parse error"}}}};
    }
    if (!id.is_null())
        reply["id"] = id;
    return reply;
}

std::string dump(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

} // namespace

bool JsonSplitter::next(std::string& value) {
    bytes_.erase(0, std::min(bytes_.find_first_not_of(" \t\r\n"), bytes_.size()));
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < bytes_.size(); ++i) {
        const char byte = bytes_[i];
        if (in_string && byte == '\\')
            ++i;
        else if (byte == '"')
            in_string = !in_string;
        else if (!in_string && (byte == '{' || byte == '['))
            ++depth;
        else if (!in_string && (byte == '}' || byte == ']'))
            --depth;
        // A line end outside of all brackets ends invalid input.
        const bool ended = depth <= 0 && !in_string;
        if (!ended || (byte != '}' && byte != ']' && byte != '\n'))
            continue;
        value = bytes_.substr(0, i + 1);
        bytes_.erase(0, i + 1);
        return true;
    }
    return false;
}

QmpServer::QmpServer(UniqueFd listener, const std::string& path, const Options& options)
    : listener_(std::move(listener)), path_(path), options_(options) {}

void QmpServer::accept() {
    UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket)
        return;
    client_ = Stream(std::move(socket),
                     options_.qmp_split ? Stream::Pace::one_byte_at_a_time : Stream::Pace::normal);
    client_.spoil(fault_);
    input_ = {};
    negotiated_ = false;
    if (options_.hang_at == Stage::qmp)
        return;
    send_line(dump({{"QMP", {{"version", version()}, {"capabilities", {"oob"}}}}}));
}

void QmpServer::receive(Machine& machine) {
    input_.feed(client_.receive());
    if (options_.hang_at == Stage::qmp)
        return;
    std::string request;
    while (client_.is_open() && input_.next(request))
        send_line(dump(answer(machine, request, negotiated_)));
}

void QmpServer::send_event(const std::string& name, const std::string& json_data) {
    if (!negotiated_)
        return;
    using namespace std::chrono;
    const auto now = duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
    Json event = {{"timestamp", {{"seconds", now / 1000000}, {"microseconds", now % 1000000}}},
                  {"event", name}};
    if (!json_data.empty())
        event["data"] = Json::parse(json_data);
    send_line(dump(event));
}

void QmpServer::spoil(Fault fault) {
    fault_ = fault;
    client_.spoil(fault);
}

void QmpServer::remove_socket() const {
    ::unlink(path_.c_str());
}

void QmpServer::send_line(const std::string& json) {
    if (options_.qmp_garbage)
        client_.send("\r\n\xff not json {\r\n[1, 2]\r\n{\"unknown\": {\"member\": null}}\r\n");
    client_.send(json + "\r\n");
}

} // namespace fake
