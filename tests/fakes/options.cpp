#include "options.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>
#include <stdexcept>
#include <type_traits>

namespace fake {

namespace {

long number(const std::string& text) {
    long value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 0)
        throw std::invalid_argument("'" + text + "' is not a number");
    return value;
}

Stage stage(const std::string& text) {
    static const std::map<std::string, Stage> stages = {{"start", Stage::start},
                                                        {"qmp", Stage::qmp},
                                                        {"monitor", Stage::monitor},
                                                        {"shell", Stage::shell}};
    const auto found = stages.find(text);
    if (found == stages.end())
        throw std::invalid_argument("'" + text + "' is not a stage");
    return found->second;
}

void set_exit_at(Options& options, const std::string& value) {
    if (value.rfind("boot:", 0) != 0) {
        options.exit_at = stage(value);
        return;
    }
    options.exit_at = Stage::boot;
    options.exit_after_lines = number(value.substr(5));
}

void add_fault(Options& options, const std::string& value) {
    const size_t colon = value.find(':');
    if (colon == std::string::npos)
        throw std::invalid_argument("'" + value + "' is not WHAT:CHANNEL");
    options.faults.push_back({fault_named(value.substr(0, colon)), value.substr(colon + 1)});
}

using Apply = void (*)(Options&, const std::string&);

struct Row {
    const char* name;
    const char* value; // nullptr: a switch
    const char* help;
    Apply apply;
};

// Sets one member from the option's value, by the member's type.
template <auto Member>
void assign(Options& options, const std::string& value) {
    auto& member = options.*Member;
    using Type = std::remove_reference_t<decltype(member)>;
    if constexpr (std::is_same_v<Type, bool>)
        member = true;
    else if constexpr (std::is_same_v<Type, std::string>)
        member = value;
    else if constexpr (std::is_same_v<Type, Stage>)
        member = stage(value);
    else
        member = Type(number(value));
}

const Row rows[] = {
    {"--help", nullptr, "print this and exit", assign<&Options::help>},
    {"--exit-at", "STAGE", "exit before STAGE: start, qmp, monitor, shell, or boot:N", set_exit_at},
    {"--exit-status", "N", "status of that exit (1)", assign<&Options::exit_status>},
    {"--exit-message", "TEXT", "what that exit says on stderr", assign<&Options::exit_message>},
    {"--hang-at", "STAGE", "never get past start, monitor, shell; qmp: never greet",
     assign<&Options::hang_at>},
    {"--no-backdoor", nullptr, "boot, but never start the guest's shell",
     assign<&Options::no_backdoor>},
    {"--silent", nullptr, "nothing on the serial console", assign<&Options::silent>},
    {"--panic", nullptr, "the kernel panics during boot, then nothing", assign<&Options::panic>},
    {"--emergency", nullptr, "systemd ends in emergency mode", assign<&Options::emergency>},
    {"--boot-delay", "MS", "time between first console line and shell",
     assign<&Options::boot_delay>},
    {"--console-lines", "N", "extra console lines during boot", assign<&Options::console_lines>},
    {"--console-rate", "N", "those lines per second (no limit)", assign<&Options::console_rate>},
    {"--console-garbage", nullptr, "bad UTF-8, NUL, escapes, a very long line on the console",
     assign<&Options::console_garbage>},
    {"--hmp-garbage", nullptr, "junk before the HMP banner and in each answer",
     assign<&Options::hmp_garbage>},
    {"--hmp-split", nullptr, "HMP output one byte at a time", assign<&Options::hmp_split>},
    {"--qmp-garbage", nullptr, "junk lines before each QMP message", assign<&Options::qmp_garbage>},
    {"--qmp-split", nullptr, "QMP output one byte at a time", assign<&Options::qmp_split>},
    {"--shell-garbage", nullptr, "bytes on the shell channel before the Spawning line",
     assign<&Options::shell_garbage>},
    {"--shell-flood", "MIB", "so much on the shell channel before the Spawning line",
     assign<&Options::shell_flood>},
    {"--shell-pty", nullptr, "give the guest's bash a raw terminal as /dev/hvc0 is (slower)",
     assign<&Options::shell_pty>},
    {"--relay", nullptr, "copy shell channel and port, so that they can go wrong",
     assign<&Options::relay>},
    {"--fault", "WHAT:CHANNEL",
     "closed, silent, babbling, slow, half or twice: shell, port, monitor, qmp or console",
     add_fault},
    {"--no-port", nullptr, "no virtio-serial port beside the shell channel",
     assign<&Options::no_port>},
    {"--ignore-term", nullptr, "ignore SIGTERM", assign<&Options::ignore_term>},
    {"--fork-helper", nullptr, "leave a grandchild in the process group that ignores SIGTERM",
     assign<&Options::fork_helper>},
    {"--kill-self-after", "MS", "end by SIGKILL", assign<&Options::kill_self_after>},
    {"--no-vm-exit-on-poweroff", nullptr, "the guest halts, but the process stays",
     assign<&Options::no_vm_exit_on_poweroff>},
    {"--keys-file", "FILE", "append each sendkey, one per line", assign<&Options::keys_file>},
    {"--console-input-file", "FILE", "append what arrives on stdin",
     assign<&Options::console_input_file>},
    {"--dump-args", "FILE", "write QEMU's arguments and the environment",
     assign<&Options::dump_args>},
    {"--screen", "FILE", "PPM (P6) shown on the screen, for screendump", assign<&Options::screen>},
    {"--guest-path", "DIR", "programs of the guest that stand before its others",
     assign<&Options::guest_path>},
    {"--make-commands", "DIR", "make the guest's commands there and exit (used by the build)",
     assign<&Options::make_commands>},
};

// Value of `key` in QEMU's comma-separated option text; empty if it is not there.
std::string option_value(const std::string& text, const std::string& key) {
    for (const std::string& part : split(text, ","))
        if (part.rfind(key + "=", 0) == 0)
            return part.substr(key.size() + 1);
    return {};
}

bool is_server(const std::string& text) {
    const auto parts = split(text, ",");
    const auto has = [&](const char* part) {
        return std::find(parts.begin(), parts.end(), part) != parts.end();
    };
    return has("server=on") || has("server");
}

void add_monitor(QemuArguments& result, const std::string& option, const std::string& value) {
    if (value.rfind("unix:", 0) != 0)
        return; // none, stdio, null: not used by tests
    const auto kind = option == "-qmp" ? Endpoint::Kind::qmp : Endpoint::Kind::hmp;
    const std::string path = value.substr(5, value.find(',') - 5);
    result.endpoints.push_back({kind, {}, path, is_server(value), option + " " + value});
}

void add_chardev(QemuArguments& result, const std::string& value) {
    const std::string path = option_value(value, "path");
    if (value.rfind("socket,", 0) != 0 || path.empty())
        return;
    result.endpoints.push_back({Endpoint::Kind::chardev, option_value(value, "id"), path,
                                is_server(value), "-chardev " + value});
}

void apply_qemu_option(QemuArguments& result, const std::string& option, const std::string& value) {
    if (option == "-qmp" || option == "-monitor")
        add_monitor(result, option, value);
    if (option == "-chardev")
        add_chardev(result, value);
    if (option == "-name") {
        const std::string guest = option_value(value, "guest");
        result.name = guest.empty() ? value.substr(0, value.find(',')) : guest;
    }
    result.no_reboot |= option == "-no-reboot";
    result.no_shutdown |= option == "-no-shutdown";
    result.kvm |= option == "-enable-kvm";
    if (option == "-machine" || option == "-M" || option == "-accel" || option == "-cpu")
        result.kvm |= value.rfind("kvm", 0) == 0 || value.find("accel=kvm") != std::string::npos;
}

} // namespace

std::vector<std::string> split(const std::string& text, const char* separators) {
    std::vector<std::string> parts;
    for (size_t begin = 0; (begin = text.find_first_not_of(separators, begin)) < text.size();) {
        const size_t end = std::min(text.find_first_of(separators, begin), text.size());
        parts.push_back(text.substr(begin, end - begin));
        begin = end;
    }
    return parts;
}

Options take_options(std::vector<std::string>& arguments) {
    Options options;
    size_t used = 0;
    while (used < arguments.size() && arguments[used].rfind("--", 0) == 0) {
        const std::string argument = arguments[used++];
        const size_t equals = argument.find('=');
        const std::string name = argument.substr(0, equals);
        const Row* row = std::find_if(std::begin(rows), std::end(rows),
                                      [&](const Row& candidate) { return name == candidate.name; });
        if (row == std::end(rows))
            throw std::invalid_argument("unknown option " + name);
        std::string value = equals == std::string::npos ? "" : argument.substr(equals + 1);
        if (row->value && equals == std::string::npos) {
            if (used == arguments.size())
                throw std::invalid_argument(name + " needs a value");
            value = arguments[used++];
        }
        row->apply(options, value);
    }
    arguments.erase(arguments.begin(), arguments.begin() + static_cast<std::ptrdiff_t>(used));
    return options;
}

QemuArguments parse_qemu_arguments(const std::vector<std::string>& arguments) {
    QemuArguments result;
    result.all = arguments;
    for (size_t i = 0; i < arguments.size(); ++i) {
        std::string option = arguments[i];
        if (option.rfind("--", 0) == 0)
            option.erase(0, 1); // QEMU takes both spellings
        const std::string value = i + 1 < arguments.size() ? arguments[i + 1] : "";
        apply_qemu_option(result, option, value);
    }
    return result;
}

std::string help_text() {
    std::string text = "usage: fake_vm [OPTION...] QEMU-OPTION...\n\n"
                       "Stands in for QEMU in tests. Without options everything works.\n"
                       "$FAKE_VM_OPTS (split at blanks) is read before the command line.\n\n";
    for (const Row& row : rows) {
        std::string left = std::string("  ") + row.name;
        if (row.value)
            left += std::string("=") + row.value;
        left.resize(std::max<size_t>(left.size() + 2, 32), ' ');
        text += left + row.help + "\n";
    }
    return text;
}

} // namespace fake
