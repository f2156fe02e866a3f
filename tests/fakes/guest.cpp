#include "guest.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd.h"
#include "guest_commands.h"
#include "options.h"

namespace fake {

namespace fs = std::filesystem;

namespace {

std::vector<pid_t> children_of(pid_t pid) {
    const std::string id = std::to_string(pid);
    const std::string path = "/proc/" + id + "/task/" + id + "/children";
    std::vector<pid_t> children;
    for (const std::string& child : split(read_file(path), " \n"))
        children.push_back(std::atoi(child.c_str()));
    return children;
}

void signal_descendants(pid_t pid, int signal) {
    for (const pid_t child : children_of(pid)) {
        ::kill(child, signal);
        signal_descendants(child, signal);
    }
}

void reset_signals() {
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    for (const int signal : {SIGPIPE, SIGTERM, SIGINT, SIGHUP})
        ::signal(signal, SIG_DFL);
}

// Only PATH comes from the driver's environment: a guest is another machine.
std::vector<std::string>
environment(const std::string& directory, const std::string& name, const std::string& commands) {
    const char* inherited = std::getenv("PATH");
    return {
        "PATH=" + commands + ":" + (inherited ? inherited : "/usr/bin:/bin"),
        "HOME=" + directory + "/root",
        "TMPDIR=" + directory + "/tmp",
        "FAKE_GUEST_DIR=" + directory,
        "FAKE_GUEST_NAME=" + name,
        "NTD_SYSTEMD_BUS=" + directory + "/systemd-bus", // not the host's
        "USER=root",
        "LOGNAME=root",
        "SHELL=/bin/bash",
        "TERM=linux",
        "LANG=C.UTF-8",
        "PS1=",
    };
}

} // namespace

Guest::Guest(std::string directory, std::string name)
    : directory_(std::move(directory)), name_(std::move(name)) {}

void Guest::prepare(const std::string& path) {
    std::error_code ignored;
    fs::remove_all(directory_ + "/tmp", ignored); // a tmpfs: empty after each boot
    for (const char* part : {"", "/tmp", "/root", "/units", "/units-user"})
        ::mkdir((directory_ + part).c_str(), 0700);
    // The build makes the links next to the program, since making them for each guest costs 2 ms.
    commands_ = fs::read_symlink("/proc/self/exe", ignored).string() + "-commands";
    if (::access((commands_ + "/systemctl").c_str(), X_OK) != 0) {
        commands_ = fs::absolute(directory_ + "/bin").string();
        make_command_links(commands_);
    }
    if (!path.empty())
        commands_ = path + ":" + commands_;
}

bool Guest::start_shell(int channel, int port, const Greet& greet) {
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid == 0)
        become_shell(channel, port, parent, greet);
    shell_ = pid;
    return pid > 0;
}

void Guest::become_shell(int channel, int port, pid_t parent, const Greet& greet) const {
    // If we are killed with SIGKILL, no bash must remain that holds the channel open.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent)
        ::_exit(1);
    reset_signals();
    const bool redirected = ::dup2(channel, STDIN_FILENO) >= 0 &&
                            ::dup2(STDOUT_FILENO, STDERR_FILENO) >= 0 &&
                            ::dup2(channel, STDOUT_FILENO) >= 0;
    const std::string directory = fs::absolute(directory_).string();
    if (!redirected || ::chdir((directory + "/tmp").c_str()) < 0)
        ::_exit(1);
    greet();
    std::vector<std::string> variables = environment(directory, name_, commands_);
    if (port >= 0)
        variables.push_back("NTD_DATA_FD=" + std::to_string(::dup(port))); // not closed by exec
    std::vector<char*> pointers;
    pointers.reserve(variables.size() + 1);
    for (const std::string& entry : variables)
        pointers.push_back(const_cast<char*>(entry.c_str()));
    pointers.push_back(nullptr);
    char name[] = "bash";
    char option[] = "--norc";
    char* const arguments[] = {name, option, nullptr};
    ::execvpe("bash", arguments, pointers.data());
    ::perror("fake_vm: bash");
    ::_exit(127);
}

void Guest::kill_all() {
    // We are the subreaper: killing one generation of processes makes the next one our children.
    // Repeat until there are none.
    for (auto children = children_of(::getpid()); !children.empty();
         children = children_of(::getpid())) {
        for (const pid_t child : children)
            ::kill(child, SIGKILL);
        for (const pid_t child : children)
            ::waitpid(child, nullptr, 0);
    }
    shell_ = -1;
}

void Guest::signal_all(int signal) const {
    signal_descendants(::getpid(), signal);
}

bool Guest::reap() {
    bool shell_ended = false;
    for (pid_t pid = 0; (pid = ::waitpid(-1, nullptr, WNOHANG)) > 0;)
        if (pid == shell_) {
            shell_ = -1;
            shell_ended = true;
        }
    return shell_ended;
}

} // namespace fake
