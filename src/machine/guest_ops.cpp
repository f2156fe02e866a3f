#include <ntd/machine/guest_ops.h>

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/machine/retry.h>
#include <ntd/machine/unit_listener.h>
#include <ntd/machine/unit_state.h>
#include <ntd/proto/unit_bus.h>

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

namespace ntd::machine {

namespace {

log::Scope nested(const Machine& machine, std::string text) {
    return {machine.host().log, log::ScopeKind::nested, machine.name(), std::move(text)};
}

// Only the last bytes of new console output are searched.
constexpr std::size_t most_news = 1 << 20;

// `about` is a text in console lines that concern the wait. `saw` says what the last look has
// seen. It goes into the message when the time is over, and into the log meanwhile.
void retry_on(Machine& machine,
              const std::function<bool(bool last)>& attempt,
              Timeout timeout,
              const std::function<std::string()>& saw,
              const std::string& about = {}) {
    auto& log = machine.host().log;
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
        log.looked(saw());
        if (last)
            machine.throw_if_ended("before the action succeeded");
        return false;
    };
    retry(
        try_it, timeout, [&] { return machine.exit_fd(); }, machine.host().interrupt, news,
        [&] { return what_was_awaited(log); });
}

// What a command has said, in one line, for messages.
std::string said(const ExecResult& result) {
    if (result.timed_out)
        return "the last command took too long";
    constexpr std::size_t most = 300; // bytes
    const auto last_lines = valid_utf8(tail(trim_right(result.output), most));
    return fmt::format("the last exit code was {}, {}", result.status,
                       last_lines.empty() ? "without output" : "with the output: " + last_lines);
}

// Ports are tested with nc(1). In a guest without it, every look would fail with this status.
constexpr int command_not_found = 127;

// The commands of a polling wait. The first look may differ from the later ones.
struct Looks {
    explicit Looks(const std::string& look) : Looks(look, look) {}
    Looks(std::string first_one, std::string later_ones)
        : first(std::move(first_one)), later(std::move(later_ones)) {}

    std::string first;
    std::string later;
};

// What a look of a polling wait is for, and what its result means.
struct Question {
    Looks looks;
    std::function<bool(int status)> is_answer;                    // whether the wait is over
    std::function<std::string(const ExecResult&)> meaning = said; // of a result that is no answer
};

std::string of_user(const User& user) {
    return user ? fmt::format(" with user {}", *user) : "";
}

// Each command gets the limit of the whole wait, so that one that blocks does not outlast it. A
// command that the limit has ended counts as not yet successful, even if it has failed.
std::string wait_until(Machine& machine,
                       const Question& question,
                       ExecuteOptions options,
                       Timeout attempt = std::nullopt) {
    const auto timeout = options.timeout;
    if (attempt)
        options.timeout = attempt;
    ExecResult result;
    retry_on(
        machine,
        [&, command = &question.looks.first](bool) mutable {
            result = machine.execute(*std::exchange(command, &question.looks.later), options);
            return !result.timed_out && question.is_answer(result.status);
        },
        timeout, [&] { return question.meaning(result); });
    return std::move(result.output);
}

void check_nc(const Machine& machine, int status) {
    if (status == command_not_found)
        throw MachineError("machine '{}': the guest has no 'nc' in its PATH, with which ports and "
                           "sockets are tested; install netcat in it",
                           machine.name());
}

bool is_made_of(const std::string& word, std::string_view characters) {
    return !word.empty() && word.find_first_not_of(characters) == word.npos;
}

// bash can connect by itself, so that the guest need not start a process for each look. The first
// look still uses nc, whose message says what is wrong with the host name. A bash built without
// network redirections fails for every port. It also fails to open a UDP socket, which otherwise
// always works; nc is used then.
Looks port_looks(const std::string& port, const std::string& address, bool open) {
    const auto nc = fmt::format("exec nc -z {} {}", address, port);
    constexpr std::string_view digits = "0123456789";
    constexpr std::string_view of_hosts =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:%_-";
    if (!is_made_of(address, of_hosts) || address.front() == '-' || !is_made_of(port, digits))
        return Looks(nc);
    const auto connect = fmt::format("{{ : >/dev/tcp/{}/{}; }} 2>/dev/null", address, port);
    if (!open)
        return {nc, fmt::format("{} || {}", connect, nc)};
    return {nc, fmt::format("if {{ : >/dev/udp/127.0.0.1/9; }} 2>/dev/null; then {}; else {}; fi",
                            connect, nc)};
}

void wait_for_port(Machine& machine,
                   const std::string& port,
                   const std::string& address,
                   bool open,
                   Timeout timeout) {
    const auto scope = nested(machine, fmt::format("waiting for TCP port {} on {}{}", port, address,
                                                   open ? "" : " to be closed"));
    const auto is_answer = [&](int status) {
        check_nc(machine, status);
        return (status == 0) == open;
    };
    const auto meaning = [&](const ExecResult&) {
        return open ? "nothing listens there" : "something still listens there";
    };
    wait_until(machine, {port_looks(port, address, open), is_answer, meaning},
               {.timeout = timeout, .simple = true});
}

// The unit's name as systemd prints it on the console: "systemd[1]: Started nginx.service - A web
// server."
std::string name_on_console(const std::string& unit) {
    return proto::unit_id(unit).value_or(unit);
}

// One look of a wait for a unit. `ask` gets the state from systemctl into `state`; it returns false
// if no systemd can answer yet. `is_over` returns whether the wait is over with this state. If
// systemd announces changes, the look lasts until the state is `wanted`, or may be one that ends
// the wait. With `last` there is no time for that.
bool look_or_listen(UnitListener& listener,
                    std::string& state,
                    const std::string& wanted,
                    bool last,
                    const std::function<bool()>& ask,
                    const std::function<bool()>& is_over) {
    while (ask()) {
        if (is_over())
            return true;
        if (last)
            return false;
        const auto change = listener.wait_for_change(state, wanted);
        if (change == UnitListener::Change::as_wanted)
            state = wanted;
        if (change != UnitListener::Change::perhaps)
            return change == UnitListener::Change::as_wanted;
    }
    return false;
}

class UnitWait {
public:
    UnitWait(Machine& machine, const std::string& unit, const User& user)
        : machine_(machine), unit_(unit), user_(user), listener_(machine, unit, user) {}

    // Returns whether the unit is active, or will not become active by itself.
    bool is_over(bool last) {
        return look_or_listen(
            listener_, state_, "active", last, [&] { return can_ask(); },
            [&] {
                if (!is_final())
                    return false;
                if (state_ != "active")
                    reason_ = why_not_active(machine_, unit_, user_, state_ == "failed");
                return true;
            });
    }

    // Throws RequestedAssertionFailed with the reason if the unit is not active.
    void check() {
        if (state_ == "failed")
            throw RequestedAssertionFailed("unit \"{}\" reached state \"{}\"{}", unit_, state_,
                                           reason_);
        if (state_ == "inactive")
            throw RequestedAssertionFailed(
                "unit \"{}\" is inactive and there are no pending jobs{}", unit_, reason_);
    }

    // What was missing at the last look, for messages.
    std::string missing() const {
        if (!missing_manager_.empty())
            return missing_manager_;
        return state_.empty() ? "" : fmt::format("unit \"{}\" is {}", unit_, shortened(state_));
    }

private:
    bool is_final() {
        if (state_ != "inactive")
            return state_ == "active" || state_ == "failed";
        if (machine_.systemctl("list-jobs --full 2>&1", user_).output.find("No jobs") ==
            std::string::npos)
            return false;
        ask(); // a job may have succeeded between the two questions
        return state_ == "inactive";
    }

    void ask() { state_ = machine_.get_unit_property(unit_, "ActiveState", user_); }

    // Returns false if the user's systemd manager does not run yet, as before the user's login.
    bool can_ask() {
        if (missing_manager_.empty()) {
            try {
                ask();
                return true;
            } catch (const RequestedAssertionFailed&) {
                if (!user_)
                    throw;
            }
        }
        missing_manager_ = missing_manager(machine_, *user_);
        if (!missing_manager_.empty())
            return false;
        ask(); // the manager may have started since
        return true;
    }

    Machine& machine_;
    const std::string& unit_;
    const User& user_;
    std::string state_;
    std::string reason_; // why the unit is not active
    std::string missing_manager_;
    UnitListener listener_;
};

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

std::string wait_until_succeeds(Machine& machine,
                                const std::string& command,
                                Timeout timeout,
                                Timeout attempt) {
    const auto scope = nested(machine, fmt::format("waiting for success: {}", command));
    return wait_until(machine, {Looks(command), [](int status) { return status == 0; }},
                      {.timeout = timeout}, attempt);
}

std::string wait_until_fails(Machine& machine, const std::string& command, Timeout timeout) {
    const auto scope = nested(machine, fmt::format("waiting for failure: {}", command));
    return wait_until(machine, {Looks(command), [](int status) { return status != 0; }},
                      {.timeout = timeout});
}

void wait_for_unit(Machine& machine, const std::string& unit, const User& user, Timeout timeout) {
    UnitWait wait(machine, unit, user);
    const auto scope = nested(machine, fmt::format("waiting for unit {}{}", unit, of_user(user)));
    retry_on(
        machine, [&](bool last) { return wait.is_over(last); }, timeout,
        [&] { return wait.missing(); }, name_on_console(unit));
    wait.check();
}

void wait_for_unit_active_state(Machine& machine,
                                const std::string& unit,
                                const std::string& wanted,
                                Timeout timeout,
                                const User& user) {
    constexpr std::array<std::string_view, 8> states{"active",      "reloading",  "inactive",
                                                     "failed",      "activating", "deactivating",
                                                     "maintenance", "refreshing"};
    if (std::find(states.begin(), states.end(), wanted) == states.end())
        throw UsageError("unit state '{}' is none that systemd knows: {}", valid_utf8(wanted),
                         fmt::join(states, ", "));
    const auto scope =
        nested(machine, fmt::format("waiting for unit {}{} to be {}", unit, of_user(user), wanted));
    UnitListener listener(machine, unit, user);
    std::string state;
    const auto ask = [&] {
        state = machine.get_unit_property(unit, "ActiveState", user);
        return true;
    };
    const auto is_there = [&](bool last) {
        return look_or_listen(listener, state, wanted, last, ask, [&] { return state == wanted; });
    };
    const auto saw = [&] { return fmt::format("unit \"{}\" is {}", unit, shortened(state)); };
    retry_on(machine, is_there, timeout, saw, name_on_console(unit));
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
    if (now != state) // the doubled "to" is in the Python driver, and tests look for it
        throw RequestedAssertionFailed(
            "Expected unit '{}' to to be in state '{}' but it is in state '{}'", unit, state,
            shortened(now));
}

ExecResult start_job(Machine& machine, const std::string& job, const User& user) {
    return machine.systemctl("start " + job, user);
}

ExecResult stop_job(Machine& machine, const std::string& job, const User& user) {
    return machine.systemctl("stop " + job, user);
}

void wait_for_file(Machine& machine, const std::string& path, Timeout timeout) {
    const auto scope = nested(machine, fmt::format("waiting for file '{}'", path));
    wait_until(machine,
               {Looks("test -e " + path), [](int status) { return status == 0; },
                [](const ExecResult&) { return "there is no such file"; }},
               {.timeout = timeout, .simple = true});
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
    const auto command =
        fmt::format("exec nc -z {} {}", kind == SocketKind::datagram ? "-uU" : "-U", path);
    const auto scope =
        nested(machine, fmt::format("waiting for unix-domain {} on '{}'",
                                    kind == SocketKind::datagram ? "datagram" : "stream", path));
    const auto is_answer = [&](int status) {
        check_nc(machine, status);
        return status == 0;
    };
    wait_until(
        machine,
        {Looks(command), is_answer, [](const ExecResult&) { return "nothing listens on it"; }},
        {.timeout = timeout, .simple = true});
}

void sleep(Machine& machine, double seconds) {
    machine.succeed({fmt::format("sleep {:g}", seconds)}, std::nullopt);
}

} // namespace ntd::machine
