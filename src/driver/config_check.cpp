#include <ntd/driver/config.h>

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/machine/names.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <map>
#include <set>
#include <system_error>
#include <utility>

namespace ntd::driver {

namespace {

namespace fs = std::filesystem;

std::string errno_text(int code) {
    return std::generic_category().message(code);
}

// Says why a file cannot be used in the given way (R_OK, X_OK), or returns nullopt if it can.
std::optional<std::string> trouble_with(const fs::path& file, int mode) {
    struct stat status {};
    if (::stat(file.c_str(), &status) < 0)
        return errno_text(errno);
    if (S_ISDIR(status.st_mode))
        return errno_text(EISDIR);
    if (::access(file.c_str(), mode) < 0)
        return errno_text(errno);
    return std::nullopt;
}

// ---------------------------------------------------------------------------------- start scripts

bool is_shell_word(std::string_view word) {
    // Builtins and keywords of the shell: there is no program of that name to check.
    constexpr std::array names{".",        ":",     "builtin", "case",   "cd",   "command",
                               "eval",     "exec",  "exit",    "export", "for",  "if",
                               "readonly", "set",   "source",  "time",   "trap", "ulimit",
                               "umask",    "unset", "until",   "wait",   "while"};
    if (std::find(names.begin(), names.end(), word) != names.end())
        return true;
    const bool assigns = word.find('=') < word.find('/'); // TMPDIR=/x, but not /store/a=b
    return assigns || word.find_first_of("$`'\"\\(){}[]<>|&;*?~#!") != word.npos;
}

// Finds the name of the program in a command, if that is possible without a real shell parser.
std::optional<std::string> program_of(std::string_view command) {
    const auto words = split_blanks(command);
    if (words.empty() || is_shell_word(words.front()))
        return std::nullopt;
    return words.front();
}

bool is_in_search_path(const std::string& program, const std::string& search_path) {
    for (std::size_t begin = 0; begin <= search_path.size();) {
        const auto end = std::min(search_path.find(':', begin), search_path.size());
        const fs::path folder = search_path.substr(begin, end - begin); // empty: current directory
        if (!trouble_with(folder / program, X_OK))
            return true;
        begin = end + 1;
    }
    return false;
}

void check_start_script(const MachineConfig& machine) {
    const std::string& script = machine.start_script;
    if (split_blanks(script).empty())
        throw UsageError("machine '{}': its start script is empty", machine.name);
    if (script.find('\0') != script.npos)
        throw UsageError("machine '{}': its start script has a NUL character, which no command "
                         "can have: {}",
                         machine.name, script);
    const auto program = program_of(script);
    if (!program)
        return;
    if (program->find('/') != program->npos) {
        if (const auto trouble = trouble_with(*program, X_OK))
            throw UsageError("machine '{}': start script '{}' cannot be run: {}", machine.name,
                             *program, *trouble);
        return;
    }
    const char* search_path = std::getenv("PATH");
    if (!is_in_search_path(*program, search_path != nullptr ? search_path : "/usr/bin:/bin"))
        throw UsageError("machine '{}': start script '{}' cannot be run: no folder of PATH has an "
                         "executable file of this name",
                         machine.name, *program);
}

// Quotes a path for the shell, unless the shell would take it literally: the current directory's
// path may have special characters.
std::string word_for_shell(const std::string& path) {
    const bool is_plain = split_blanks(path).size() == 1 && !is_shell_word(path);
    return is_plain ? path : shell_quote(path);
}

enum class RunBy { shell, kernel };

void make_absolute(std::string& script, RunBy by) {
    const auto program = program_of(script);
    if (!program || program->starts_with('/') || program->find('/') == program->npos)
        return;
    std::error_code error;
    const fs::path here = fs::current_path(error);
    if (error)
        return; // check_config() reports what is missing
    const bool dotted = program->starts_with("./");
    const std::string path = (here / program->substr(dotted ? 2 : 0)).string();
    const auto begin = script.find(*program);
    script.replace(begin, program->size(), by == RunBy::shell ? word_for_shell(path) : path);
}

// ------------------------------------------------------------------------------------------ names

void check_name(const MachineConfig& machine) {
    const auto trouble = machine::trouble_with_name(machine.name);
    if (!trouble)
        return;
    throw UsageError("machine name '{}' (start script '{}') cannot be used: {}; its state "
                     "directory is named after it",
                     machine::shown_name(machine.name), printable(machine.start_script), *trouble);
}

using Machines = std::vector<std::reference_wrapper<const MachineConfig>>;

void check_names_differ(const Machines& machines) {
    std::map<std::string_view, const MachineConfig*> by_name;
    std::map<std::string, const MachineConfig*> by_identifier;
    for (const MachineConfig& machine : machines) {
        const auto [same, is_new] = by_name.emplace(machine.name, &machine);
        if (!is_new)
            throw UsageError("two machines are named '{}' (start scripts '{}' and '{}'); give each "
                             "a name of its own",
                             machine.name, same->second->start_script, machine.start_script);
        const auto identifier = python_name(machine.name);
        const auto [other, is_free] = by_identifier.emplace(identifier, &machine);
        if (!is_free)
            throw UsageError("machines '{}' and '{}' would both be '{}' in the test script; rename "
                             "one of them",
                             other->second->name, machine.name, identifier);
    }
}

} // namespace

void normalise_config(Config& config) {
    for (MachineConfig& vm : config.vms)
        make_absolute(vm.start_script, RunBy::shell);
    for (MachineConfig& container : config.containers)
        make_absolute(container.start_script, RunBy::kernel);
    std::set<int> seen;
    std::vector<int> once;
    for (const int vlan : config.vlans)
        if (seen.insert(vlan).second)
            once.push_back(vlan);
    config.vlans = std::move(once);
}

void check_config(const Config& config) {
    Machines machines(config.vms.begin(), config.vms.end());
    machines.insert(machines.end(), config.containers.begin(), config.containers.end());
    for (const MachineConfig& machine : machines)
        check_name(machine);
    check_names_differ(machines);
    for (const MachineConfig& machine : machines)
        check_start_script(machine);
    for (const int vlan : config.vlans)
        machine::check_vlan_number(vlan);
    if (config.vsock_offset && *config.vsock_offset < 0)
        throw UsageError("vsock offset {} cannot be used: it must not be negative",
                         *config.vsock_offset);
    if (config.test_script.empty())
        return;
    if (const auto trouble = trouble_with(config.test_script, R_OK))
        throw UsageError("test script '{}' cannot be read: {}", config.test_script.string(),
                         *trouble);
}

} // namespace ntd::driver
