#include "guest_commands.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"

namespace fake {

namespace {

constexpr const char* names[] = {"halt", "hostname",  "poweroff", "reboot",
                                 "su",   "systemctl", "sync",     "shutdown"};

bool has(const std::vector<std::string>& arguments, const std::string& wanted) {
    return std::find(arguments.begin(), arguments.end(), wanted) != arguments.end();
}

// Imitates su [-] [-l] [USER] [-s|--shell SHELL] [-c|--command COMMAND]: sets the name of the user
// only.
int run_su(const std::vector<std::string>& arguments) {
    std::string user = "root";
    std::string shell = "/bin/sh";
    std::string command;
    for (size_t i = 0; i < arguments.size(); ++i) {
        const std::string& argument = arguments[i];
        const std::string next = i + 1 < arguments.size() ? arguments[i + 1] : "";
        if (argument == "-s" || argument == "--shell")
            shell = arguments.at(i++ + 1);
        else if (argument == "-c" || argument == "--command")
            command = arguments.at(i++ + 1);
        else if (argument[0] != '-')
            user = argument;
    }
    ::setenv("USER", user.c_str(), 1);
    ::setenv("LOGNAME", user.c_str(), 1);
    ::execlp(shell.c_str(), shell.c_str(), command.empty() ? nullptr : "-c", command.c_str(),
             nullptr);
    std::perror(shell.c_str());
    return 127;
}

} // namespace

void make_command_links(const std::string& directory) {
    std::error_code ignored;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", ignored);
    ::mkdir(directory.c_str(), 0755);
    for (const char* name : names) {
        const std::string link = directory + "/" + name;
        ::unlink(link.c_str());
        if (::symlink(self.c_str(), link.c_str()) < 0)
            std::perror(link.c_str());
    }
}

bool is_guest_command(const std::string& name) {
    return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

int run_guest_command(const std::string& name, const std::vector<std::string>& arguments) {
    if (name == "systemctl")
        return run_systemctl(arguments);
    if (name == "su")
        return run_su(arguments);
    if (name == "sync")
        return 0; // must not touch the host's disks
    if (name == "hostname") {
        const char* guest = std::getenv("FAKE_GUEST_NAME");
        std::puts(guest ? guest : "machine");
        return 0;
    }
    if (name == "reboot" || (name == "shutdown" && has(arguments, "-r")))
        return send_to_machine("reboot");
    return send_to_machine("poweroff");
}

std::string guest_directory() {
    const char* directory = std::getenv("FAKE_GUEST_DIR");
    return directory ? directory : ".";
}

int send_to_machine(const std::string& request) {
    const std::string path = guest_directory() + "/control";
    const UniqueFd control(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    if (control && write_all(control.get(), request + "\n"))
        return 0;
    std::perror(path.c_str());
    return 1;
}

} // namespace fake
