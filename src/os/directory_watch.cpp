#include <ntd/os/directory_watch.h>

#include <ntd/base/error.h>
#include <ntd/os/syscall.h>

#include <sys/inotify.h>
#include <unistd.h>

#include <array>

namespace ntd::os {

DirectoryWatch::DirectoryWatch(const std::filesystem::path& directory)
    : fd_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    constexpr auto events = IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE;
    if (!fd_ || ::inotify_add_watch(fd_.get(), directory.c_str(), events) < 0)
        throw_errno("watch the directory '{}'", directory.string());
}

void DirectoryWatch::reset() noexcept {
    std::array<char, 4096> events{};
    while (retry_eintr([&] { return ::read(fd_.get(), events.data(), events.size()); }) > 0) {
    }
}

} // namespace ntd::os
