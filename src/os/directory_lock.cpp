#include <ntd/os/directory_lock.h>

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/os/other_process.h>
#include <ntd/os/syscall.h>

#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace ntd::os {

namespace {

namespace fs = std::filesystem;

bool is_same(const struct stat& one, const struct stat& other) {
    return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

// Whether this process has another descriptor of the same directory.
bool is_open_here(int fd) {
    struct stat wanted {};
    if (::fstat(fd, &wanted) < 0)
        return false;
    std::error_code error;
    const fs::directory_iterator all("/proc/self/fd", error);
    return std::any_of(begin(all), end(all), [&](const fs::directory_entry& entry) {
        struct stat status {};
        const int number = std::atoi(entry.path().filename().c_str());
        return number != fd && ::fstat(number, &status) == 0 && is_same(status, wanted);
    });
}

// Describes the lock's owner from /proc/locks: "1: FLOCK ADVISORY WRITE 123 08:01:456 0 EOF".
// Compares inodes only, as the device there differs from that of stat(2) on some file systems.
std::string owner_of(int fd) {
    struct stat wanted {};
    ::fstat(fd, &wanted);
    const auto inode = fmt::format(":{}", wanted.st_ino);
    std::ifstream locks("/proc/locks");
    for (std::string line; std::getline(locks, line);) {
        const auto words = split_blanks(line);
        if (words.size() < 6 || words[1] != "FLOCK" || !words[5].ends_with(inode))
            continue;
        const auto command = join(command_line_of(std::atoi(words[4].c_str())), " ");
        return fmt::format("process {} ({})", words[4],
                           printable(trim_right(std::string_view(command).substr(0, 200))));
    }
    return "a process that is not visible here";
}

// Reads the initial environment, with which the base directory was chosen: getenv(3) is not safe
// while another thread of the script changes the environment.
const char* variable_to_set() {
    constexpr std::string_view first = "XDG_RUNTIME_DIR=";
    std::ifstream environment("/proc/self/environ");
    for (std::string variable; std::getline(environment, variable, '\0');)
        if (variable.starts_with(first) && variable.size() > first.size())
            return "XDG_RUNTIME_DIR";
    return "TMPDIR";
}

} // namespace

void lock_directory(int fd, const fs::path& path) {
    if (retry_eintr([&] { return ::flock(fd, LOCK_EX | LOCK_NB); }) == 0)
        return;
    if (errno != EWOULDBLOCK || is_open_here(fd)) // other errors: no locks here
        return;
    throw Error("'{}' is in use by another run of the driver, {}; set {} to another directory for "
                "this run",
                path.string(), owner_of(fd), variable_to_set());
}

} // namespace ntd::os
