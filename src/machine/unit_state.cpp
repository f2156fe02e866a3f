#include <ntd/machine/unit_state.h>

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/machine/wait_limit.h>

#include <algorithm>
#include <initializer_list>
#include <numeric>
#include <utility>

namespace ntd::machine {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t longest_name = 255; // limit of systemd

// Time limits for the questions about an inactive unit. A busy emulated guest takes seconds for
// each.
constexpr auto question_limit = 20s;
constexpr Seconds journal_limit = 10s;

constexpr std::size_t most_of_journal = std::size_t{16} << 10; // bytes

// si_code values in siginfo for how a process ended
constexpr std::string_view exited = "1";
constexpr std::string_view killed = "2";
constexpr std::string_view dumped = "3";

class Properties {
public:
    explicit Properties(const UnitProperties& all) : all_(all) {}

    std::string_view operator[](const std::string& name) const {
        const auto found = all_.find(name);
        return found == all_.end() ? std::string_view() : found->second;
    }

    // `check` is one of systemd's checks at the unit's start, such as "Condition".
    bool has_failed(const std::string& check) const {
        return has_been(check + "TimestampMonotonic") && (*this)[check + "Result"] == "no";
    }

    bool has_been(const std::string& time) const {
        return !(*this)[time].empty() && (*this)[time] != "0";
    }

private:
    const UnitProperties& all_;
};

std::string loading(const Properties& unit) {
    const auto state = unit["LoadState"];
    if (state == "not-found")
        return "there is no such unit";
    if (state == "masked")
        return "it is masked";
    if (state == "error" || state == "bad-setting")
        return fmt::format("its file cannot be used ({})", unit["LoadError"]);
    return {};
}

std::string end_of_main_process(const Properties& unit) {
    const auto how = unit["ExecMainCode"];
    const auto status = unit["ExecMainStatus"];
    if (how == exited && status != "0")
        return fmt::format(": its main process exited with status {}", status);
    if (how == killed || how == dumped)
        return fmt::format(": its main process was killed by signal {}", status);
    return {};
}

std::string ended_well(const Properties& unit) {
    const bool is_oneshot = unit["Type"] == "oneshot" && unit["RemainAfterExit"] == "no";
    return fmt::format("it has run and ended well{}",
                       is_oneshot ? " (a oneshot without RemainAfterExit)" : "");
}

bool has_any(std::string_view text, std::initializer_list<std::string_view> parts) {
    return std::any_of(parts.begin(), parts.end(),
                       [&](std::string_view part) { return text.find(part) != text.npos; });
}

// The number of edits between two words: change, removal or insertion of a letter, or a swap of
// neighbours.
std::size_t distance(std::string_view from, std::string_view to) {
    std::vector<std::size_t> before(to.size() + 1);
    std::vector<std::size_t> last(to.size() + 1);
    std::vector<std::size_t> row(to.size() + 1);
    std::iota(last.begin(), last.end(), 0);
    for (std::size_t i = 1; i <= from.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= to.size(); ++j) {
            const std::size_t change = from[i - 1] == to[j - 1] ? 0 : 1;
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + change});
            if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
        std::swap(before, last);
        std::swap(last, row);
    }
    return last.back();
}

// Splits "nginx.service" into "nginx" and "service".
std::pair<std::string_view, std::string_view> parts_of(std::string_view unit) {
    const auto dot = unit.rfind('.');
    if (dot == unit.npos)
        return {unit, "service"};
    return {unit.substr(0, dot), unit.substr(dot + 1)};
}

UnitProperties properties_in(std::string_view text) {
    UnitProperties properties;
    LineSplitter lines;
    lines.feed(std::string(text) + "\n");
    while (const auto line = lines.next())
        if (const auto equals = line->find('='); equals != line->npos)
            properties.emplace(line->substr(0, equals), line->substr(equals + 1));
    return properties;
}

// Returns the names of the unit files in systemd's directories. Listing the units would take an
// emulated guest half a minute; this starts no process for each.
std::vector<std::string> unit_names(Machine& machine, const User& user) {
    const auto paths = machine.systemctl("--no-pager show --property=UnitPath --value", user);
    std::string directories;
    for (const auto& path : split_blanks(paths.output))
        directories += fmt::format(" {}", shell_quote(path));
    const auto files = machine.execute(
        fmt::format("for d in{}; do for f in \"$d\"/*; do [ -d \"$f\" ] || echo \"${{f##*/}}\"; "
                    "done; done",
                    directories),
        {.ours = true});
    return split_blanks(files.output);
}

std::string nearest_in(Machine& machine, const std::string& unit, const User& user) {
    const auto nearest = nearest_unit(unit, unit_names(machine, user));
    return nearest.empty() ? "" : fmt::format("; the nearest name is \"{}\"", nearest);
}

// The end of this boot's journal. `options` say how many lines, in which form, and of what.
std::string journal(Machine& machine, const std::string& options) {
    const auto result =
        machine.execute(fmt::format("journalctl --no-pager --quiet --boot {} 2>/dev/null", options),
                        {.timeout = journal_limit, .ours = true});
    return result.status == 0 ? std::string(trim_right(result.output)) : "";
}

std::string last_words(Machine& machine, const std::string& unit, const User& user) {
    const auto field = user ? "USER_UNIT" : "UNIT"; // field of the manager's own messages
    return journal(machine, fmt::format("--lines=1 --output=cat {}={}", field, shell_quote(unit)));
}

// The last lines that the unit, and systemd about it, have written to the journal, for a message.
std::string journal_of(Machine& machine, const std::string& unit, const User& user) {
    const auto all =
        journal(machine, fmt::format("--lines=30 --output=short-monotonic {}={}",
                                     user ? "--user-unit" : "--unit", shell_quote(unit)));
    const auto last = valid_utf8(tail(all, most_of_journal));
    if (last.empty())
        return {};
    std::string text = "\nthe end of its journal:";
    LineSplitter lines;
    lines.feed(last + "\n");
    while (const auto line = lines.next())
        text.append("\n  ").append(*line);
    return text;
}

std::string ask_why(Machine& machine, const std::string& unit, const User& user) {
    constexpr std::string_view wanted =
        "Id,LoadState,LoadError,ActiveState,Result,ExecMainCode,ExecMainStatus,Type,"
        "RemainAfterExit,UnitFileState,ConditionResult,ConditionTimestampMonotonic,AssertResult,"
        "AssertTimestampMonotonic,InactiveEnterTimestampMonotonic";
    const auto result = machine.systemctl(
        fmt::format("--no-pager show {} --property={}", shell_quote(unit), wanted), user);
    const auto all = properties_in(result.output);
    const Properties properties(all);
    auto reason = reason_in(all);
    if (properties["LoadState"] == "not-found")
        return reason + nearest_in(machine, unit, user);
    if (!reason.empty())
        return reason;
    if (properties["LoadState"] != "loaded")
        return {}; // not an answer of systemd
    const auto words = last_words(machine, std::string(properties["Id"]), user);
    if (const auto past = reason_in(words, all); !past.empty())
        return fmt::format("{} ({})", past, shortened(words));
    if (properties["ActiveState"] == "failed")
        return {}; // it was started, but gives no reason
    return properties["UnitFileState"] == "disabled"
               ? "nothing has started it, and it is not enabled"
               : "nothing has started it";
}

} // namespace

std::string reason_in(const UnitProperties& properties) {
    const Properties unit(properties);
    if (auto reason = loading(unit); !reason.empty())
        return reason;
    if (unit["ActiveState"] == "failed")
        return unit["Result"].empty() ? ""
                                      : fmt::format("its result is \"{}\"{}", unit["Result"],
                                                    end_of_main_process(unit));
    if (unit.has_failed("Condition"))
        return "its condition was not met";
    if (unit.has_failed("Assert"))
        return "what its file asserts does not hold";
    if (!unit.has_been("InactiveEnterTimestampMonotonic"))
        return {};
    if (unit["ExecMainCode"] == killed)
        return fmt::format("it has been stopped (its main process was ended by signal {})",
                           unit["ExecMainStatus"]);
    return ended_well(unit);
}

std::string reason_in(std::string_view journal_line, const UnitProperties& properties) {
    if (has_any(journal_line, {"unmet condition", "Condition check resulted in"}))
        return "its condition was not met";
    if (has_any(journal_line, {"asserts failed", "Assertion failed"}))
        return "what its file asserts does not hold";
    if (has_any(journal_line, {"Dependency failed for"}))
        return "a unit that it needs has failed";
    if (has_any(journal_line, {"Deactivated successfully", ": Succeeded.", "Finished "}))
        return ended_well(Properties(properties));
    if (has_any(journal_line, {"Stopped "}))
        return "it has been stopped";
    return {};
}

std::string nearest_unit(std::string_view unit, const std::vector<std::string>& names) {
    const auto [stem, kind] = parts_of(unit);
    // A name with more edits is another name.
    std::size_t least = std::max<std::size_t>(2, stem.size() / 3) + 1;
    std::string nearest;
    for (const auto& name : names) {
        const auto [other_stem, other_kind] = parts_of(name);
        if (name.size() > longest_name || stem.size() > longest_name || name == unit)
            continue;
        const auto far = distance(stem, other_stem) + (kind == other_kind ? 0 : 1);
        if (far >= least)
            continue;
        least = far;
        nearest = name;
    }
    return nearest;
}

std::string missing_manager(Machine& machine, const std::string& user) {
    const auto id = machine.execute("id -u " + shell_quote(user), {.ours = true});
    if (id.timed_out) // no result, so not "no such user"
        throw_timed_out("asking machine '{}' for the number of user \"{}\" timed out",
                        machine.name(), valid_utf8(user));
    const auto number = trim_right(id.output);
    if (id.status != 0)
        return {};
    const auto unit = fmt::format("user@{}.service", shortened(number));
    const auto state = machine.get_unit_property(unit, "ActiveState", std::nullopt);
    if (state == "active")
        return {};
    return fmt::format("user \"{}\" has no systemd manager: {} is {}; a login starts it, or "
                       "`loginctl enable-linger`",
                       user, unit, shortened(state));
}

std::string
why_not_active(Machine& machine, const std::string& unit, const User& user, bool has_failed) {
    try {
        const WaitLimit limit(Deadline::after(question_limit), Deadline::Duration::zero());
        auto reason = ask_why(machine, unit, user);
        if (!reason.empty())
            reason = ": " + reason;
        return has_failed ? reason + journal_of(machine, unit, user) : reason;
    } catch (const Error&) { // the unit's failure matters more
        return {};
    }
}

} // namespace ntd::machine
