#include "nspawn_process.h"

#include <ntd/base/text.h>

#include <fmt/format.h>

#include <sys/stat.h>

#include <charconv>
#include <fstream>
#include <string>

namespace ntd::vm {

std::optional<pid_t> announced_pid(std::string_view text) {
    const auto begin = text.find(pid_line);
    if (begin == text.npos)
        return std::nullopt;
    text.remove_prefix(begin + pid_line.size());
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
    return error == std::errc() && pid > 0 ? std::optional(pid) : std::nullopt;
}

namespace {

// Whether a process is the first of a PID namespace below ours: "NSpid: 4711 1".
bool is_init(pid_t pid) {
    std::ifstream status(fmt::format("/proc/{}/status", pid));
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("NSpid:")) {
            const auto numbers = split_blanks(line.substr(line.find(':') + 1));
            return numbers.size() > 1 && numbers.back() == "1";
        }
    return false;
}

} // namespace

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

} // namespace ntd::vm
