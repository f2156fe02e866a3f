#include "nspawn_process.h"

#include <ntd/base/text.h>
#include <ntd/os/other_process.h>

#include <fmt/format.h>

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>

namespace ntd::nspawn {

namespace {

constexpr std::string_view leader_variable = "X_NSPAWN_LEADER_PID=";

// Parses the pid at the beginning of a text.
std::optional<pid_t> leading_pid(std::string_view text) {
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
    return error == std::errc() && pid > 0 ? std::optional(pid) : std::nullopt;
}

// A process's pids in our PID namespace and in the nested ones: "NSpid: 4711 1".
std::vector<std::string> numbers_of(pid_t pid) {
    std::ifstream status(fmt::format("/proc/{}/status", pid));
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("NSpid:"))
            return split_blanks(line.substr(line.find(':') + 1));
    return {};
}

// Whether a process is pid 1 of a PID namespace directly below ours.
bool is_init(pid_t pid) {
    const auto numbers = numbers_of(pid);
    return numbers.size() == 2 && numbers.back() == "1";
}

} // namespace

std::optional<pid_t> announced_pid(std::string_view text) {
    const auto begin = text.find(pid_line);
    return begin == text.npos ? std::nullopt : leading_pid(text.substr(begin + pid_line.size()));
}

Notice notice_of(std::string_view message) {
    Notice notice;
    while (!message.empty()) {
        const auto line = message.substr(0, message.find('\n'));
        message.remove_prefix(std::min(line.size() + 1, message.size()));
        if (line == "READY=1")
            notice.is_ready = true;
        else if (line.starts_with(leader_variable))
            notice.leader = leading_pid(line.substr(leader_variable.size()));
    }
    return notice;
}

bool is_part_of(pid_t process, pid_t start_script) {
    if (numbers_of(process).size() != 1)
        return false;
    while (process > 1 && process != start_script)
        process = os::parent_of(process);
    return process == start_script;
}

std::optional<pid_t> nspawn_of(pid_t init, pid_t start_script) {
    const auto parent = os::parent_of(init);
    return is_init(init) && is_part_of(parent, start_script) ? std::optional(parent) : std::nullopt;
}

bool lets_init_be_ready(pid_t nspawn) {
    const auto words = os::command_line_of(nspawn);
    return std::any_of(words.begin(), words.end(), [](const std::string& word) {
        return word == "--notify-ready=yes" || word == "--notify-ready=true";
    });
}

bool executes_another_program(pid_t one, pid_t other) {
    struct stat program {};
    struct stat other_program {};
    return ::stat(fmt::format("/proc/{}/exe", one).c_str(), &program) == 0 &&
           ::stat(fmt::format("/proc/{}/exe", other).c_str(), &other_program) == 0 &&
           (program.st_dev != other_program.st_dev || program.st_ino != other_program.st_ino);
}

std::optional<pid_t> init_below(pid_t nspawn) {
    std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", nspawn));
    for (pid_t pid = 0; children >> pid;)
        if (is_init(pid))
            return pid;
    return std::nullopt;
}

} // namespace ntd::nspawn
