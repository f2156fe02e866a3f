#include <ntd/driver/base_directory.h>

#include <ntd/base/error.h>
#include <ntd/os/unix_socket.h>

#include <unistd.h>

#include <cstdlib>
#include <string>

namespace ntd::driver {

namespace fs = std::filesystem;

namespace {

// For "/vm-state-NAME/monitor" and for what start scripts put beside it (virtiofsd, swtpm).
constexpr std::size_t room_for_sockets = 64;

struct Choice {
    std::string variable; // empty: the default
    fs::path path;
};

Choice choose() {
    for (const char* variable : {"XDG_RUNTIME_DIR", "TMPDIR", "TEMP", "TMP"})
        if (const char* value = std::getenv(variable); value != nullptr && *value != '\0')
            return {variable, value};
    return {"", "/tmp"};
}

fs::path make_short_link(const fs::path& target) {
    auto name = fmt::format("/tmp/ntd-{}", ::getpid());
    ::unlink(name.c_str()); // of an earlier process with our pid
    if (::symlink(target.c_str(), name.c_str()) < 0)
        throw_errno("make the symbolic link '{}' to '{}', whose path is too long for sockets", name,
                    target.string());
    return name;
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
    if (real_.native().size() + room_for_sockets > os::longest_socket_path) {
        link_ = make_short_link(real_);
        guard.add_file(link_.native());
    }
}

} // namespace ntd::driver
