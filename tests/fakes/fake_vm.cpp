// A program that stands in for QEMU in tests; see README.md.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd.h"
#include "guest_commands.h"
#include "machine.h"
#include "options.h"

extern char** environ;

namespace fake {

namespace {

std::string one_line(const std::string& text) {
    std::string escaped;
    for (const char byte : text)
        escaped += byte == '\n' ? "\\n" : std::string(1, byte);
    return escaped + "\n";
}

// Writes the arguments and the environment that start_command has set, one per line.
void dump_arguments(const std::string& path, const QemuArguments& arguments) {
    if (path.empty())
        return;
    std::string text;
    for (const std::string& argument : arguments.all)
        text += one_line(argument);
    text += "-- environment --\ncwd=" + one_line(std::filesystem::current_path().string());
    for (char** entry = environ; *entry; ++entry)
        for (const char* wanted :
             {"TMPDIR=", "SHARED_DIR=", "USE_TMPDIR=", "QEMU_VDE_SOCKET_", "QEMU_OPTS="})
            if (std::string_view(*entry).substr(0, std::string_view(wanted).size()) == wanted)
                text += one_line(*entry);
    write_file(path, text);
}

// Imitates virtiofsd next to a real QEMU: it is not our child, ignores SIGTERM and holds our stdout
// open. Only a signal to the whole group ends it, or its own alarm, so that a failed test leaves
// nothing.
void fork_helper() {
    constexpr unsigned longest_life = 300;
    const pid_t middle = ::fork();
    if (middle > 0)
        ::waitpid(middle, nullptr, 0);
    if (middle != 0)
        return;
    ::signal(SIGTERM, SIG_IGN);
    const pid_t helper = ::fork();
    if (helper != 0) {
        write_file(state_directory() + "/helper.pid", std::to_string(helper) + "\n");
        ::_exit(0);
    }
    ::alarm(longest_life);
    for (;;)
        ::pause();
}

// A caller may start us with stdin closed; our sockets must not take its number.
void fill_standard_descriptors() {
    while (true) {
        const int fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd > STDERR_FILENO)
            ::close(fd);
        if (fd < 0 || fd > STDERR_FILENO)
            return;
    }
}

int run_machine(std::vector<std::string> arguments) {
    if (const char* more = std::getenv("FAKE_VM_OPTS")) {
        const auto extra = split(more, " \t\n");
        arguments.insert(arguments.begin(), extra.begin(), extra.end());
    }
    const Options options = take_options(arguments);
    if (options.help) {
        std::fputs(help_text().c_str(), stdout);
        return 0;
    }
    if (!options.make_commands.empty()) {
        make_command_links(options.make_commands);
        return 0;
    }
    const QemuArguments qemu = parse_qemu_arguments(arguments);
    dump_arguments(options.dump_args, qemu);
    if (options.fork_helper)
        fork_helper();
    return Machine(options, qemu).run();
}

} // namespace

} // namespace fake

int main(int argc, char** argv) {
    fake::fill_standard_descriptors();
    try {
        const std::vector<std::string> arguments(argv + 1, argv + argc);
        const std::string name = std::filesystem::path(argv[0]).filename().string();
        if (fake::is_guest_command(name))
            return fake::run_guest_command(name, arguments);
        return fake::run_machine(arguments);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "fake_vm: %s\n", error.what());
        return 2;
    }
}
