#include <ntd/driver/base_directory.h>

#include <ntd/base/error.h>
#include <ntd/os/private_directory.h>
#include <ntd/os/unix_socket.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace ntd::driver {

namespace fs = std::filesystem;

namespace {

// Bytes that must remain for socket paths: "/vm-state-NAME/monitor" and those of start scripts
// (virtiofsd, swtpm).
constexpr std::size_t room_for_sockets = 64;

struct Choice {
    std::string variable; // empty if this is the default
    fs::path path;
};

Choice choose() {
    for (const char* variable : {"XDG_RUNTIME_DIR", "TMPDIR", "TEMP", "TMP"})
        if (const char* value = std::getenv(variable); value != nullptr && *value != '\0')
            return {variable, value};
    return {"", "/tmp"};
}

// Whether other users may rename entries of the directory. They could replace our directory by
// their own.
bool lets_others_rename(const fs::path& directory) {
    struct stat status {};
    constexpr mode_t unsafe = S_IWOTH;
    return ::stat(directory.c_str(), &status) == 0 &&
           (status.st_mode & (S_IWOTH | S_ISVTX)) == unsafe;
}

} // namespace

BaseDirectory::BaseDirectory(const os::OrphanGuard& guard) {
    const auto [variable, path] = choose();
    const auto from = variable.empty() ? "the default" : "from $" + variable;
    std::error_code error;
    real_ = fs::canonical(path, error);
    if (error)
        throw UsageError("the base directory '{}' ({}) cannot be used: {}; set TMPDIR to a "
                         "directory that exists",
                         path.string(), from, error.message());
    if (!fs::is_directory(real_) || ::access(real_.c_str(), W_OK | X_OK) != 0)
        throw UsageError("the base directory '{}' ({}) is not a directory that can be written to; "
                         "set TMPDIR to one that is",
                         path.string(), from);
    if (lets_others_rename(real_))
        warning_ = fmt::format("the base directory '{}' ({}) lets all users of this host replace "
                               "what is in it: `chmod +t` it, or set TMPDIR to another one",
                               path.string(), from);
    if (real_.native().size() + room_for_sockets > os::longest_socket_path) {
        link_ = os::make_fresh_link(fmt::format("/tmp/ntd-{}", ::getpid()), real_);
        guard.add_file(link_.native());
    }
}

} // namespace ntd::driver
