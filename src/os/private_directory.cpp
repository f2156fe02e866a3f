#include <ntd/os/private_directory.h>

#include <ntd/base/error.h>
#include <ntd/base/random.h>
#include <ntd/os/directory_lock.h>
#include <ntd/os/syscall.h>

#include <fmt/ranges.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <system_error>

namespace ntd::os {

namespace {

namespace fs = std::filesystem;

constexpr mode_t ours_alone = 0700;

// The user has chosen the parent, and links in it are followed. Only the last component is in a
// place where other users may have created something.
struct Place {
    explicit Place(const fs::path& path)
        : name(path.filename()),
          parent(::open(path.has_parent_path() ? path.parent_path().c_str() : ".",
                        O_PATH | O_DIRECTORY | O_CLOEXEC)) {
        if (!parent)
            throw_errno("open the directory '{}'", path.parent_path().string());
    }

    fs::path name;
    UniqueFd parent;
};

fs::path without_slash(const fs::path& path) {
    return path.has_filename() ? path : path.parent_path();
}

std::string_view kind_of(const struct stat& status) {
    if (S_ISLNK(status.st_mode))
        return "a symbolic link";
    return S_ISDIR(status.st_mode) ? "a directory" : "no directory";
}

void check_owner(const fs::path& path, const struct stat& status) {
    if (status.st_uid != ::geteuid())
        throw Error("'{}' is {} of user {}, not of user {}, who runs this: what others have "
                    "prepared is not used; remove it, or use a directory of your own (TMPDIR, -o)",
                    path.string(), kind_of(status), status.st_uid, ::geteuid());
}

void check(const fs::path& path, const struct stat& status, Contents contents) {
    constexpr mode_t writable_to_others = 022;
    check_owner(path, status);
    if (!S_ISDIR(status.st_mode))
        throw Error("'{}' is {}, but a directory is needed there; remove it, or set TMPDIR to "
                    "another directory",
                    path.string(), kind_of(status));
    if (contents == Contents::ours && (status.st_mode & writable_to_others) != 0)
        throw Error("the directory '{}' can be written to by others than user {} (its mode is "
                    "{:04o}): what is in it may be theirs; remove it, or `chmod go-w` it if you "
                    "trust what is in it",
                    path.string(), status.st_uid, status.st_mode & 07777U);
}

std::optional<struct stat> status_of(const Place& place, const fs::path& path) {
    struct stat status {};
    if (::fstatat(place.parent.get(), place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0)
        return status;
    if (errno == ENOENT)
        return std::nullopt;
    throw_errno("look at '{}'", path.string());
}

// While `known` is open, its inode number is not reused.
bool is_same(const struct stat& status, int known) {
    struct stat before {};
    return known >= 0 && ::fstat(known, &before) == 0 && before.st_dev == status.st_dev &&
           before.st_ino == status.st_ino;
}

void make_parents(const fs::path& path) {
    std::error_code error;
    const auto parent = path.parent_path();
    if (!parent.empty() && !fs::exists(parent, error) && !error)
        open_private_directory(parent);
}

std::string random_suffix() {
    return fmt::format("-{:02x}", fmt::join(random_bytes<4>(), ""));
}

template <typename Make>
fs::path make_fresh(const std::string& prefix, std::string_view what, Make make) {
    constexpr int most = 100; // after so many collisions, suspect an attack
    for (int attempt = 1;; ++attempt) {
        const auto path = prefix + random_suffix();
        if (make(path) == 0)
            return path;
        if (errno != EEXIST || attempt == most)
            throw_errno("make the {} '{}'", what, path);
    }
}

} // namespace

UniqueFd open_private_directory(const fs::path& given, Contents contents, int known) {
    const auto path = without_slash(given);
    make_parents(path);
    const Place place(path);
    if (::mkdirat(place.parent.get(), place.name.c_str(), ours_alone) < 0 && errno != EEXIST)
        throw_errno("make the directory '{}'", path.string());
    UniqueFd directory(::openat(place.parent.get(), place.name.c_str(),
                                O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!directory) {
        const int code = errno;
        if (const auto status = status_of(place, path)) // for a better message
            check(path, *status, contents);
        throw SystemError(code, fmt::format("open the directory '{}'", path.string()));
    }
    struct stat status {};
    if (::fstat(directory.get(), &status) < 0)
        throw_errno("look at '{}'", path.string());
    if (!is_same(status, known))
        check(path, status, contents);
    if (::fchmod(directory.get(), ours_alone) < 0)
        throw_errno("set the mode of '{}'", path.string());
    return directory;
}

void take_back(int directory) noexcept {
    struct stat status {};
    // In a fork the descriptor stands for /dev/null, which belongs to the whole host.
    if (::fstat(directory, &status) < 0 || !S_ISDIR(status.st_mode))
        return;
    (void)!::fchown(directory, ::geteuid(), ::getegid());
    ::fchmod(directory, ours_alone);
}

UniqueFd claim_private_directory(const fs::path& path, Contents contents, int known) {
    for (;;) {
        auto directory = open_private_directory(path, contents, known);
        struct stat status {};
        if (::lstat(path.c_str(), &status) == 0 && is_same(status, known))
            return UniqueFd(::fcntl(known, F_DUPFD_CLOEXEC, 3)); // which holds the lock
        lock_directory(directory.get(), path);
        // Another run may have removed it before we had the lock.
        if (::lstat(path.c_str(), &status) == 0 && is_same(status, directory.get()))
            return directory;
    }
}

bool remove_private(const fs::path& given) {
    const auto path = without_slash(given);
    std::error_code error;
    if (!fs::exists(path.has_parent_path() ? path.parent_path() : ".", error))
        return false;
    const Place place(path);
    const auto status = status_of(place, path);
    if (!status)
        return false;
    check_owner(path, *status);
    const UniqueFd old(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC));
    if (old)
        lock_directory(old.get(), path); // until it is removed
    fs::remove_all(path, error);         // never follows a symbolic link
    if (error)
        throw SystemError(error.value(), fmt::format("remove the old '{}'", path.string()));
    return true;
}

UniqueFd open_output(const fs::path& path) {
    struct stat status {};
    struct stat target {};
    if (::lstat(path.c_str(), &status) == 0 &&
        (S_ISREG(status.st_mode) || S_ISLNK(status.st_mode))) {
        check_owner(path, status);
        if (::stat(path.c_str(), &target) == 0 && !S_ISREG(target.st_mode)) // /dev/stdout
            throw Error("'{}' is a symbolic link to something that is no file: it is neither "
                        "followed nor replaced",
                        path.string());
        ::unlink(path.c_str());
    }
    UniqueFd file(
        ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!file)
        throw_errno("write '{}'", path.string());
    return file;
}

fs::path make_fresh_directory(const std::string& prefix) {
    return make_fresh(prefix, "directory",
                      [](const std::string& path) { return ::mkdir(path.c_str(), ours_alone); });
}

fs::path make_fresh_link(const std::string& prefix, const fs::path& target) {
    return make_fresh(
        prefix, fmt::format("symbolic link to '{}'", target.string()),
        [&](const std::string& path) { return ::symlink(target.c_str(), path.c_str()); });
}

} // namespace ntd::os
