#include <ntd/vm/guest_ops.h>

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/vm/retry.h>

#include <algorithm>
#include <utility>

namespace ntd::vm {

namespace {

log::Scope nested(const Machine& machine, std::string text) {
    return {machine.host().log, log::ScopeKind::nested, machine.name(), std::move(text)};
}

// What is older is none any more, however much a guest says.
constexpr std::size_t most_news = 1 << 20;

// `about`: what a line of the console says that it concerns the wait.
void retry_on(Machine& machine,
              const std::function<bool(bool last)>& attempt,
              Timeout timeout,
              const std::string& about = {}) {
    auto& console = machine.console();
    News news{console.changed()};
    if (!about.empty())
        news.concern_us = [&, seen = console.size()]() mutable {
            const auto size = console.size();
            const auto text = console.text(std::max(seen, size - std::min(size, most_news)));
            seen = size;
            return text.find(about) != text.npos;
        };
    const auto try_it = [&](bool last) {
        if (attempt(last))
            return true;
        if (last)
            machine.throw_if_ended("before the action succeeded");
        return false;
    };
    retry(
        try_it, timeout, [&] { return machine.exit_fd(); }, machine.host().interrupt, news);
}

// A port is tested with nc(1). A guest without it would be waited for in vain, or not at all.
constexpr int command_not_found = 127;

std::string of_user(const User& user) {
    return user ? fmt::format(" with user {}", *user) : "";
}

// A command's own limit is that of the whole wait: one that blocks must not outlast it. One that we
// have ended has told nothing, its failure included.
std::string wait_until(Machine& machine,
                       const std::string& command,
                       const ExecuteOptions& options,
                       const std::function<bool(int status)>& wanted) {
    std::string output;
    retry_on(
        machine,
        [&](bool) {
            auto result = machine.execute(command, options);
            output = std::move(result.output);
            return !result.timed_out && wanted(result.status);
        },
        options.timeout);
    return output;
}

void check_nc(const Machine& machine, int status) {
    if (status == command_not_found)
        throw MachineError("machine '{}': the guest has no 'nc' in its PATH, with which ports and "
                           "sockets are tested; install netcat in it",
                           machine.name());
}

void wait_for_port(Machine& machine,
                   const std::string& port,
                   const std::string& address,
                   bool open,
                   Timeout timeout) {
    const auto command = fmt::format("exec nc -z {} {}", shell_quote(address), shell_quote(port));
    const auto scope = nested(machine, fmt::format("waiting for TCP port {} on {}{}", port, address,
                                                   open ? "" : " to be closed"));
    wait_until(machine, command, {.timeout = timeout, .simple = true}, [&](int status) {
        check_nc(machine, status);
        return (status == 0) == open;
    });
}

} // namespace

std::string fail(Machine& machine, const std::vector<std::string>& commands, Timeout timeout) {
    std::string output;
    for (const auto& command : commands) {
        const auto scope = nested(machine, fmt::format("must fail: {}", command));
        auto result = machine.execute(command, {.timeout = timeout});
        if (result.status == 0) {
            machine.log_output(result.output);
            throw RequestedAssertionFailed("command `{}` unexpectedly succeeded",
                                           valid_utf8(command));
        }
        output += result.output;
    }
    return output;
}

std::string wait_until_succeeds(Machine& machine, const std::string& command, Timeout timeout) {
    const auto scope = nested(machine, fmt::format("waiting for success: {}", command));
    return wait_until(machine, command, {.timeout = timeout},
                      [](int status) { return status == 0; });
}

std::string wait_until_fails(Machine& machine, const std::string& command, Timeout timeout) {
    const auto scope = nested(machine, fmt::format("waiting for failure: {}", command));
    return wait_until(machine, command, {.timeout = timeout},
                      [](int status) { return status != 0; });
}

void wait_for_unit(Machine& machine, const std::string& unit, const User& user, Timeout timeout) {
    const auto state = [&] { return machine.get_unit_property(unit, "ActiveState", user); };
    const auto is_active = [&](bool) {
        const auto now = state();
        if (now == "failed")
            throw RequestedAssertionFailed("unit \"{}\" reached state \"{}\"", unit,
                                           shortened(now));
        if (now != "inactive")
            return now == "active";
        if (machine.systemctl("list-jobs --full 2>&1", user).output.find("No jobs") ==
            std::string::npos)
            return false;
        // A job may have ended between the two questions, and well.
        if (state() == "inactive")
            throw RequestedAssertionFailed("unit \"{}\" is inactive and there are no pending jobs",
                                           unit);
        return false;
    };
    const auto scope = nested(machine, fmt::format("waiting for unit {}{}", unit, of_user(user)));
    // "systemd[1]: Started nginx.service - A web server."
    const bool has_suffix = unit.find('.') != unit.npos;
    retry_on(machine, is_active, timeout, has_suffix ? unit : unit + ".service");
}

std::map<std::string, std::string>
get_unit_info(Machine& machine, const std::string& unit, const User& user) {
    const auto result =
        machine.systemctl(fmt::format("--no-pager show {}", shell_quote(unit)), user);
    if (result.status != 0)
        throw RequestedAssertionFailed(
            "retrieving systemctl info for unit \"{}\"{} failed with exit code {}", unit,
            of_user(user), result.status);
    std::map<std::string, std::string> info;
    for (std::string_view rest = result.output; !rest.empty();) {
        const auto line = rest.substr(0, rest.find('\n'));
        if (const auto equals = line.find('='); equals != line.npos)
            info.emplace(line.substr(0, equals), line.substr(equals + 1));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
    return info;
}

void require_unit_state(Machine& machine, const std::string& unit, const std::string& state) {
    const auto scope =
        nested(machine, fmt::format("checking if unit {} has reached state '{}'", unit, state));
    const auto now = machine.get_unit_property(unit, "ActiveState", std::nullopt);
    if (now != state) // the doubled word is the Python driver's, and tests look for it
        throw RequestedAssertionFailed(
            "Expected unit '{}' to to be in state '{}' but it is in state '{}'", unit, state,
            shortened(now));
}

ExecResult start_job(Machine& machine, const std::string& job, const User& user) {
    return machine.systemctl("start " + shell_quote(job), user);
}

ExecResult stop_job(Machine& machine, const std::string& job, const User& user) {
    return machine.systemctl("stop " + shell_quote(job), user);
}

void wait_for_file(Machine& machine, const std::string& path, Timeout timeout) {
    const auto scope = nested(machine, fmt::format("waiting for file '{}'", path));
    // Not quoted: scripts rely on ~ and patterns.
    wait_until(machine, "test -e " + path, {.timeout = timeout, .simple = true},
               [](int status) { return status == 0; });
}

void wait_for_open_port(Machine& machine,
                        const std::string& port,
                        const std::string& address,
                        Timeout timeout) {
    wait_for_port(machine, port, address, true, timeout);
}

void wait_for_closed_port(Machine& machine,
                          const std::string& port,
                          const std::string& address,
                          Timeout timeout) {
    wait_for_port(machine, port, address, false, timeout);
}

void wait_for_open_unix_socket(Machine& machine,
                               const std::string& path,
                               SocketKind kind,
                               Timeout timeout) {
    const auto command = fmt::format(
        "exec nc -z {} {}", kind == SocketKind::datagram ? "-uU" : "-U", shell_quote(path));
    const auto scope =
        nested(machine, fmt::format("waiting for unix-domain {} on '{}'",
                                    kind == SocketKind::datagram ? "datagram" : "stream", path));
    wait_until(machine, command, {.timeout = timeout, .simple = true}, [&](int status) {
        check_nc(machine, status);
        return status == 0;
    });
}

void sleep(Machine& machine, double seconds) {
    machine.succeed({fmt::format("sleep {:g}", seconds)}, std::nullopt);
}

} // namespace ntd::vm
