#include <ntd/machine/machine.h>

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/machine/names.h>
#include <ntd/os/private_directory.h>

#include <utility>

namespace ntd::machine {

namespace {

// The most bytes of a failed command's output that are logged.
constexpr std::size_t most_logged = std::size_t{16} << 20;

// The end of a program's output, for a message.
std::string shown(std::string_view output) {
    return tail(trim_right(output), 2000);
}

// Checks the name before the members build paths from it.
MachineOptions checked(MachineOptions options) {
    check_machine_name(options.name);
    return options;
}

} // namespace

Machine::Machine(const Host& host, MachineOptions options, const KindOfMachine& kind)
    : Machine(checked(std::move(options)), kind, host) {}

Machine::Machine(MachineOptions options, const KindOfMachine& kind, const Host& host)
    : state_dir(options.tmp_dir / ("vm-state-" + options.name)),
      shared_dir(options.tmp_dir / "shared-xchg"), host_(host), options_(std::move(options)),
      kind_(kind), console_(tmp_dir()), commands_(host.log, name()),
      start_turn_(fmt::format("the start of machine '{}'", name())) {
    if (!keep_machine_state())
        cleanup_statedir();
    make_directories();
}

void Machine::make_directories() {
    state_ = os::claim_private_directory(state_dir, options_.state, state_.get());
    shared_ = os::open_private_directory(shared_dir, os::Contents::of_guests, shared_.get());
}

void Machine::take_back_directories() noexcept {
    os::take_back(state_.get());
    os::take_back(shared_.get());
}

void Machine::cleanup_statedir() const {
    if (!os::remove_private(state_dir))
        return;
    log(fmt::format("deleting {} {}", host_.habits.state_directory, state_dir.string()));
    log("if you want to keep it, pass --keep-machine-state");
}

void Machine::log(std::string_view text) const {
    host_.log.line(name(), log::Level::info, text);
}

void Machine::log_output(std::string_view output) const {
    const auto end = tail(output, most_logged);
    const auto cut = output.size() - end.size();
    log(fmt::format("output: {}{}",
                    cut == 0 ? "" : fmt::format("({} bytes before this are cut)\n", cut),
                    valid_utf8(end)));
}

std::string Machine::succeed(const std::vector<std::string>& commands, Timeout timeout) {
    std::string output;
    for (const auto& command : commands) {
        log::Scope scope(host_.log, log::ScopeKind::nested, name(),
                         fmt::format("must succeed: {}", command));
        auto result = execute(command, {.timeout = timeout});
        if (result.status != 0) {
            log_output(result.output);
            throw RequestedAssertionFailed(
                "command `{}` failed (exit code {}){}", valid_utf8(command), result.status,
                result.timed_out ? fmt::format(": it was ended after {:g} s", timeout->count())
                                 : "");
        }
        if (output.empty())
            output = std::move(result.output);
        else
            output += result.output;
    }
    return output;
}

ExecResult Machine::store(const std::string& file, std::string_view bytes) {
    return transfer("exec 2>&1; cat >>" + shell_quote(file), bytes, -1);
}

ExecResult Machine::systemctl(const std::string& query, const std::optional<std::string>& user) {
    if (!user) {
        const bool simple = query.find_first_of("&|;<>()$`\n") == query.npos;
        return execute((simple ? "exec systemctl " : "systemctl ") + query, {.simple = simple});
    }
    // systemctl finds a user's manager through XDG_RUNTIME_DIR, which `su` does not set.
    const auto command = fmt::format(
        "export XDG_RUNTIME_DIR=\"/run/user/$(id -u)\"; exec systemctl --user {}", query);
    return execute(
        fmt::format("su -l {} --shell /bin/sh -c {}", shell_quote(*user), shell_quote(command)),
        {.ours = true});
}

std::string Machine::get_unit_property(const std::string& unit,
                                       const std::string& property,
                                       const std::optional<std::string>& user) {
    const auto result = systemctl(
        fmt::format("--no-pager show {} --property={}", shell_quote(unit), shell_quote(property)),
        user);
    if (result.status != 0)
        throw RequestedAssertionFailed("asking systemctl for the property \"{}\" of unit \"{}\"{} "
                                       "failed with exit code {}: {}",
                                       property, unit,
                                       user ? fmt::format(" of user \"{}\"", *user) : "",
                                       result.status, shown(result.output));
    const auto prefix = property + "=";
    for (std::string_view rest = result.output; !rest.empty();) {
        const auto line = rest.substr(0, rest.find('\n'));
        if (line.starts_with(prefix))
            return std::string(line.substr(prefix.size()));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
    throw RequestedAssertionFailed("unit \"{}\" has no property \"{}\" (systemctl said: '{}')",
                                   unit, property, shown(result.output));
}

} // namespace ntd::machine
