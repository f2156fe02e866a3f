#include <ntd/driver/config.h>

#include "config_json.h"

#include <ntd/base/error.h>

#include <array>
#include <utility>

namespace ntd::driver {

namespace {

namespace fs = std::filesystem;

using Programs = std::map<std::string, std::string>;

// --------------------------------------------------------------------------- screens of containers

constexpr std::string_view path = "path";
constexpr std::string_view object_or_path = "path or object";

void set(const ConfigValue& value, std::string& into) {
    into = value.text();
}

void check_only(const ConfigValue& value, std::string& /*into*/) {
    if (!value.is_null())
        value.text();
}

constexpr std::array exporter_keys{
    Key<std::string>{"server", path, "", "the program in the container that does it", set},
    Key<std::string>{"kind", "text", "null", "not used", check_only},
    Key<std::string>{"relay", path, "null", "not used", check_only},
};

constexpr std::array viewer_keys{
    Key<std::string>{"executable", path, "", "the program", set},
    Key<std::string>{"kind", "text", "null", "not used", check_only},
};

// Reads programs by name: each is a path, or an object with the path.
Programs programs(const ConfigValue& value, std::span<const Key<std::string>> keys) {
    Programs result;
    const auto wanted = object_with(keys);
    for (const auto& [name, item] : value.members("an object of objects" + wanted.substr(9))) {
        std::string& program = result[name];
        if (item.json().is_string()) {
            program = item.program();
            continue;
        }
        item.members(wanted);
        read_keys(item, keys, program);
    }
    return result;
}

constexpr std::string_view main_display = R"(":0")";
constexpr std::string_view roots_xauthority = R"("/root/.Xauthority")";

constexpr std::array target_keys{
    Key<DisplayTarget>{
        "backend", "text", "", "\"x11\"",
        [](const ConfigValue& value, DisplayTarget& into) { into.backend = value.text(); }},
    Key<DisplayTarget>{
        "display", "text", main_display, "its name, as in $DISPLAY",
        [](const ConfigValue& value, DisplayTarget& into) { into.display = value.text(); }},
    Key<DisplayTarget>{
        "xauthority", path, roots_xauthority, "what lets programs use it",
        [](const ConfigValue& value, DisplayTarget& into) { into.xauthority = value.text(); }},
};

std::vector<DisplayTarget> displays(const ConfigValue& value) {
    const std::span<const Key<DisplayTarget>> keys(target_keys);
    std::vector<DisplayTarget> result;
    for (const ConfigValue& item : value.list("a list of objects")) {
        item.members(object_with(keys));
        read_keys(item, keys, result.emplace_back());
    }
    return result;
}

// One key holds all that a VNC view of an X11 screen needs, programs included.
constexpr std::array vnc_keys{
    Key<MachineConfig>{"x11vnc", path, "", "the program in the container that shows its screen",
                       [](const ConfigValue& value, MachineConfig& into) {
                           into.display_servers = {{"x11", value.text()}};
                       }},
    Key<MachineConfig>{"tigervnc", path, "", "the program that shows it to a person",
                       [](const ConfigValue& value, MachineConfig& into) {
                           into.display_viewers = {{"vnc", value.text()}};
                       }},
};

void read_vnc(const ConfigValue& value, MachineConfig& machine) {
    if (value.is_null())
        return;
    const std::span<const Key<MachineConfig>> keys(vnc_keys);
    value.members(object_with(keys) + ", or null");
    if (!machine.display_targets.empty() || !machine.display_servers.empty())
        throw UsageError("configuration file '{}': keys '{}' and '{}{}' both say how the machine's "
                         "screen is shown; give one of them",
                         value.file().path.string(), value.key(),
                         value.key().substr(0, value.key().size() - std::string_view("vnc").size()),
                         machine.display_targets.empty() ? "display_exporters" : "display_targets");
    const auto inner = [](std::string_view json) { return Json::parse(json).get<std::string>(); };
    machine.display_targets = {
        {.backend = "x11", .display = inner(main_display), .xauthority = inner(roots_xauthority)}};
    read_keys(value, keys, machine);
}

// ---------------------------------------------------------------------------------------- machines

constexpr Key<MachineConfig> host_name{
    "name", "text", "", "its host name; the script can use that, too",
    [](const ConfigValue& value, MachineConfig& into) { into.host_name = value.text(); }};

constexpr Key<MachineConfig> vnc{"vnc", "object or null", "null",
                                 "how a container's screen is shown, in place of display_targets "
                                 "and display_exporters; not used for a virtual machine",
                                 read_vnc};

constexpr std::array vm_keys{
    host_name,
    Key<MachineConfig>{
        "start_script", "command", "", "what starts it",
        [](const ConfigValue& value, MachineConfig& into) { into.start_script = value.text(); }},
    vnc,
};

constexpr std::array container_keys{
    host_name,
    Key<MachineConfig>{
        "start_script", "command", "", "what starts systemd-nspawn; it needs root",
        [](const ConfigValue& value, MachineConfig& into) { into.start_script = value.text(); }},
    Key<MachineConfig>{"display_targets", "list of objects", "[]",
                       "its screens that are shown to a person at the prompt",
                       [](const ConfigValue& value, MachineConfig& into) {
                           into.display_targets = displays(value);
                       }},
    Key<MachineConfig>{"display_exporters", object_or_path, "{}",
                       "for each backend what shows such a screen as VNC",
                       [](const ConfigValue& value, MachineConfig& into) {
                           into.display_servers = programs(value, exporter_keys);
                       }},
    vnc,
};

std::vector<MachineConfig> machines(const ConfigValue& value,
                                    std::span<const Key<MachineConfig>> keys) {
    std::vector<MachineConfig> result;
    for (const auto& [name, item] : value.members("an object with one entry per machine")) {
        item.members(object_with(keys));
        MachineConfig& machine = result.emplace_back();
        machine.name = name;
        read_keys(item, keys, machine);
    }
    return result;
}

// ----------------------------------------------------------------------------------- the whole run

constexpr std::array top_keys{
    Key<Config>{
        "vms", "object", "", "the virtual machines by their names",
        [](const ConfigValue& value, Config& into) { into.vms = machines(value, vm_keys); }},
    Key<Config>{"containers", "object", "", "the containers by their names",
                [](const ConfigValue& value, Config& into) {
                    into.containers = machines(value, container_keys);
                }},
    Key<Config>{"vlans", "list of numbers", "", "numbers of the VLANs to create",
                [](const ConfigValue& value, Config& into) {
                    for (const ConfigValue& item : value.list("a list of whole numbers"))
                        into.vlans.push_back(item.whole_number());
                }},
    Key<Config>{
        "global_timeout", "number, duration or null", "",
        "end the whole test after so many seconds, or a duration such as \"PT1H30M\" or "
        "\"01:30:00\"; null: never",
        [](const ConfigValue& value, Config& into) { into.global_timeout = value.time_limit(); }},
    Key<Config>{
        "enable_ssh_backdoor", "true or false", "",
        "let machines be reached by SSH, past their networks",
        [](const ConfigValue& value, Config& into) { into.enable_ssh_backdoor = value.truth(); }},
    Key<Config>{
        "vsock_siblings", "true or false", "false", "as the option --vsock-siblings",
        [](const ConfigValue& value, Config& into) { into.vsock_siblings = value.truth(); }},
    Key<Config>{"test_script", path, "", "the test script",
                [](const ConfigValue& value, Config& into) { into.test_script = value.text(); }},
    Key<Config>{"display_viewers", object_or_path, "{}",
                "for each protocol, such as \"vnc\", what shows a screen to a person",
                [](const ConfigValue& value, Config& into) {
                    into.display_viewers = programs(value, viewer_keys);
                }},
};

template <class Object>
void add_keys(std::vector<ConfigKey>& to,
              const std::string& prefix,
              std::span<const Key<Object>> keys) {
    for (const auto& key : keys)
        to.push_back({prefix + std::string(key.name), key.type, key.otherwise, key.help});
}

} // namespace

Config read_config(const fs::path& file, std::vector<std::string>& unknown_keys) {
    const Json json = read_json(file);
    Config config{.habits = machine::habits_of_file};
    read_keys({{file, unknown_keys}, "", json}, std::span<const Key<Config>>(top_keys), config);
    return config;
}

std::vector<ConfigKey> config_keys() {
    std::vector<ConfigKey> keys;
    add_keys<Config>(keys, "", top_keys);
    add_keys<MachineConfig>(keys, "vms.NAME.", vm_keys);
    add_keys<MachineConfig>(keys, "containers.NAME.", container_keys);
    add_keys<DisplayTarget>(keys, "containers.NAME.display_targets[].", target_keys);
    add_keys<std::string>(keys, "containers.NAME.display_exporters.BACKEND.", exporter_keys);
    add_keys<MachineConfig>(keys, "containers.NAME.vnc.", vnc_keys);
    add_keys<std::string>(keys, "display_viewers.PROTOCOL.", viewer_keys);
    return keys;
}

} // namespace ntd::driver
