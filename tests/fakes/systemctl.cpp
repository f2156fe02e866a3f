#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "guest_commands.h"
#include "options.h"

namespace fake {

namespace {

using Properties = std::map<std::string, std::string>;

// Units that are active in every guest and have no file.
const std::set<std::string> default_units = {"default.target", "multi-user.target",
                                             "network.target", "basic.target",
                                             "sysinit.target", "backdoor.service"};

const std::string user_manager = "user@1000.service";

struct Call {
    std::string directory; // of the unit files
    std::string verb;
    std::vector<std::string> units;
    std::vector<std::string> properties;
    bool value_only = false;
    bool quiet = false;
};

std::string with_suffix(const std::string& unit) {
    return unit.find('.') == std::string::npos ? unit + ".service" : unit;
}

Call parse(const std::vector<std::string>& arguments) {
    Call call;
    call.directory = guest_directory() + "/units";
    for (size_t i = 0; i < arguments.size(); ++i) {
        const std::string& argument = arguments[i];
        if (argument == "--user")
            call.directory = guest_directory() + "/units-user";
        else if ((argument == "-p" || argument == "--property") && i + 1 < arguments.size())
            call.properties = split(arguments[++i], ",");
        else if (argument.rfind("--property=", 0) == 0)
            call.properties = split(argument.substr(11), ",");
        else if (argument == "--value")
            call.value_only = true;
        else if (argument == "-q" || argument == "--quiet")
            call.quiet = true;
        else if (argument[0] == '-')
            continue; // --no-pager, --full, --no-block ...
        else if (call.verb.empty())
            call.verb = argument;
        else
            call.units.push_back(with_suffix(argument));
    }
    return call;
}

Properties load(const Call& call, const std::string& unit) {
    const std::string path = call.directory + "/" + unit;
    const bool has_file = ::access(path.c_str(), R_OK) == 0;
    const bool is_default = default_units.count(unit) != 0;
    Properties properties = {{"Id", unit}, {"Names", unit}};
    properties["LoadState"] = has_file || is_default ? "loaded" : "not-found";
    properties["ActiveState"] = is_default ? "active" : "inactive";
    for (const std::string& line : split(read_file(path), "\n"))
        if (const size_t equals = line.find('='); equals != std::string::npos)
            properties[line.substr(0, equals)] = line.substr(equals + 1);
    if (properties.count("SubState") == 0) {
        const std::string& state = properties["ActiveState"];
        properties["SubState"] = state == "active"     ? "running"
                                 : state == "inactive" ? "dead"
                                                       : state;
    }
    return properties;
}

void store(const Call& call, const std::string& unit, const Properties& properties) {
    std::string text;
    for (const auto& [key, value] : properties)
        text.append(key).append("=").append(value).append("\n");
    // Written by rename, because a test may read the file at any moment.
    const std::string path = call.directory + "/" + unit;
    const std::string draft = call.directory + "/." + unit + "." + std::to_string(::getpid());
    write_file(draft, text);
    std::rename(draft.c_str(), path.c_str());
}

void set_state(const Call& call,
               const std::string& unit,
               Properties properties,
               const std::string& state) {
    properties["ActiveState"] = state;
    properties.erase("SubState");
    store(call, unit, properties);
}

// `after-shows=N:STATE` in a unit's file: the Nth `show` finds the unit in STATE.
void count_show(const Call& call, const std::string& unit, Properties& properties) {
    const auto found = properties.find("after-shows");
    if (found == properties.end())
        return;
    const std::vector<std::string> parts = split(found->second, ":");
    const int left = std::atoi(parts.at(0).c_str()) - 1;
    if (left > 0) {
        found->second = std::to_string(left) + ":" + parts.at(1);
        store(call, unit, properties);
        return;
    }
    const std::string& state = parts.at(1);
    properties.erase(found);
    set_state(call, unit, properties, state);
    properties = load(call, unit);
}

// Without a unit, `show` is about the manager.
int show(const Call& call) {
    if (call.units.empty())
        std::printf("%s%s\n", call.value_only ? "" : "UnitPath=", call.directory.c_str());
    for (const std::string& unit : call.units) {
        Properties properties = load(call, unit);
        count_show(call, unit, properties);
        for (const auto& [key, value] : properties) {
            const auto& wanted = call.properties;
            if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), key) == wanted.end())
                continue;
            if (std::islower(static_cast<unsigned char>(key[0])))
                continue; // our own property, not systemd's
            if (!call.value_only)
                std::printf("%s=", key.c_str());
            std::puts(value.c_str());
        }
    }
    return 0;
}

int is_state(const Call& call, const std::string& wanted) {
    int status = 3;
    for (const std::string& unit : call.units) {
        Properties properties = load(call, unit);
        if (!call.quiet)
            std::puts(properties["ActiveState"].c_str());
        if (properties["ActiveState"] == wanted)
            status = 0;
        else if (properties["LoadState"] == "not-found" && status != 0)
            status = 4;
    }
    return status;
}

void add_job(const std::string& unit) {
    append_file(guest_directory() + "/jobs",
                std::to_string(::getpid()) + " " + unit + " start running\n");
}

int start(const Call& call, const std::string& unit) {
    Properties properties = load(call, unit);
    if (properties["LoadState"] == "not-found") {
        std::fprintf(stderr, "Failed to start %s: Unit %s not found.\n", unit.c_str(),
                     unit.c_str());
        return 5;
    }
    const auto configured = properties.find("on-start");
    const std::string state = configured == properties.end() ? "active" : configured->second;
    set_state(call, unit, properties, state);
    if (state == "activating")
        add_job(unit);
    if (state != "failed")
        return 0;
    std::fprintf(stderr,
                 "Job for %s failed because the control process exited with error code.\n"
                 "See \"systemctl status %s\" and \"journalctl -xeu %s\" for details.\n",
                 unit.c_str(), unit.c_str(), unit.c_str());
    return 1;
}

int stop(const Call& call, const std::string& unit) {
    const Properties properties = load(call, unit);
    if (properties.at("LoadState") == "not-found") {
        std::fprintf(stderr, "Failed to stop %s: Unit %s not loaded.\n", unit.c_str(),
                     unit.c_str());
        return 5;
    }
    set_state(call, unit, properties, "inactive");
    return 0;
}

int for_each_unit(const Call& call, int (*action)(const Call&, const std::string&)) {
    int status = 0;
    for (const std::string& unit : call.units)
        if (const int failed = action(call, unit))
            status = failed;
    return status;
}

// A user's manager runs unless its unit file says otherwise.
bool has_manager(const Call& call) {
    const Call system = parse({});
    return call.directory == system.directory ||
           load(system, user_manager)["ActiveState"] != "inactive" ||
           ::access((system.directory + "/" + user_manager).c_str(), R_OK) != 0;
}

int list_jobs() {
    const std::vector<std::string> jobs = split(read_file(guest_directory() + "/jobs"), "\n");
    if (jobs.empty()) {
        std::puts("No jobs running.");
        return 0;
    }
    std::puts("JOB UNIT TYPE STATE");
    for (const std::string& job : jobs)
        std::puts(job.c_str());
    std::printf("\n%zu jobs listed.\n", jobs.size());
    return 0;
}

} // namespace

int run_systemctl(const std::vector<std::string>& arguments) {
    const Call call = parse(arguments);
    const std::string& verb = call.verb;
    if (!has_manager(call)) {
        std::fprintf(stderr, "Failed to connect to bus: No such file or directory\n");
        return 1;
    }
    if (verb == "show")
        return show(call);
    if (verb == "is-active" || verb == "is-failed")
        return is_state(call, verb == "is-active" ? "active" : "failed");
    if (verb == "restart" && call.units == std::vector<std::string>{"backdoor.service"})
        return send_to_machine("restart-shell");
    if (verb == "start" || verb == "restart" || verb == "reload-or-restart")
        return for_each_unit(call, start);
    if (verb == "stop" || verb == "reset-failed")
        return for_each_unit(call, stop);
    if (verb == "list-jobs")
        return list_jobs();
    if (verb == "is-system-running") {
        std::puts("running");
        return 0;
    }
    if (verb == "poweroff" || verb == "halt" || verb == "reboot")
        return send_to_machine(verb == "reboot" ? "reboot" : "poweroff");
    if (verb == "daemon-reload" || verb == "switch-root")
        return 0;
    std::fprintf(stderr, "Unknown command verb %s.\n", verb.c_str());
    return 1;
}

} // namespace fake
