#include <ntd/vsock/vhost_vsock.h>

#include <ntd/base/error.h>
#include <ntd/os/directory_watch.h>
#include <ntd/os/private_directory.h>
#include <ntd/os/unix_socket.h>
#include <ntd/os/wait.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

namespace ntd::vsock {

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto program = "vhost-device-vsock";
constexpr int first_cid = 3;

// How many bytes a guest may send ahead. Linux 6.12 puts more than 32 KiB into one packet of
// several parts, and vhost-device-vsock 0.3.0 loses some of them: the connection hangs.
constexpr int window = 28 * 1024;

// The process takes a moment to notice that QEMU has ended. If it takes longer, QEMU reports the
// error.
constexpr auto renewal_limit = 5s;

// Whether clients can use sockets in the directory. In `ssh vsock-mux/SOCKET` the path is part of a
// host name, where ssh accepts few characters and lower-cases letters. A comma would end the
// command-line option that contains the path.
bool is_fit(std::string_view directory) {
    constexpr std::string_view room = "/ntd-4194304-vsock-01234567/1000_guest.socket";
    constexpr std::string_view usable = "abcdefghijklmnopqrstuvwxyz0123456789/._-";
    return directory.size() + room.size() <= os::longest_socket_path &&
           directory.find_first_not_of(usable) == directory.npos;
}

// Makes a directory, next to the machines' state if possible. A nested run gets another one.
fs::path make_directory(const fs::path& tmp_dir, const os::OrphanGuard& guard) {
    const std::string parent = is_fit(tmp_dir.native()) ? tmp_dir.string() : "/tmp";
    auto path = os::make_fresh_directory(fmt::format("{}/ntd-{}-vsock", parent, ::getpid()));
    guard.add_file(path.native());
    return path;
}

} // namespace

VhostVsock::VhostVsock(std::vector<std::string> machines,
                       const fs::path& tmp_dir,
                       const machine::Host& host,
                       Reach reach)
    : host_(host), reach_(reach), directory_(make_directory(tmp_dir, host.guard)) {
    std::sort(machines.begin(), machines.end());
    int cid = first_cid;
    for (const auto& machine : machines) {
        sockets_[machine] = {directory_ / fmt::format("{}_host.socket", cid),
                             directory_ / fmt::format("{}_guest.socket", cid), cid};
        host_.guard.add_file(sockets_[machine].host.native());
        host_.guard.add_file(sockets_[machine].guest.native());
        ++cid;
    }
    host_.log.info("start vsock");
    try {
        const os::ProcessSpec spec{
            .argv = command_line(), .environment = host_.environment(), .pipe_stdin = false};
        process_ = std::make_unique<machine::HelperProcess>(program, spec, host_);
        const auto all_there = [&] {
            return std::all_of(sockets_.begin(), sockets_.end(), [](const auto& entry) {
                return fs::exists(entry.second.host) && fs::exists(entry.second.guest);
            });
        };
        if (!wait_until(all_there, Deadline::after(host_.start_timeout)))
            throw MachineError("{} did not make its sockets in '{}' within {:.0f} seconds", program,
                               directory_.string(), host_.start_timeout.count());
    } catch (Error& error) {
        stop();
        error.add_context("the SSH backdoor cannot be opened");
        throw;
    } catch (...) { // an interrupt
        stop();
        throw;
    }
    host_.log.info(fmt::format("running vsock (pid {}; {})", pid(), directory_.string()));
}

VhostVsock::~VhostVsock() {
    stop();
}

std::vector<std::string> VhostVsock::command_line() const {
    std::vector<std::string> arguments{program};
    int cid = first_cid;
    for (const auto& [machine, sockets] : sockets_) {
        // Guests of the same group can reach each other; by default all are in one group.
        const auto group = reach_ == Reach::host ? fmt::format("only-{}", cid) : "siblings";
        arguments.emplace_back("--vm");
        arguments.push_back(
            fmt::format("guest-cid={},socket={},uds-path={},tx-buffer-size={},groups={}", cid++,
                        sockets.guest.string(), sockets.host.string(), window, group));
    }
    return arguments;
}

std::optional<VhostVsock::Identity> VhostVsock::identity_of(const fs::path& file) {
    struct stat status {};
    if (::lstat(file.c_str(), &status) < 0)
        return std::nullopt;
    return Identity{status.st_ino, status.st_ctim.tv_sec * 1'000'000'000 + status.st_ctim.tv_nsec};
}

bool VhostVsock::is_free(const fs::path& guest_socket) const {
    const auto identity = identity_of(guest_socket);
    return identity && taken_.with([&](const auto& taken) {
        const auto found = taken.find(guest_socket);
        return found == taken.end() || found->second != *identity;
    });
}

bool VhostVsock::wait_until(const std::function<bool()>& ready, Deadline deadline) {
    os::DirectoryWatch appeared(directory_);
    while (!ready()) {
        process_->check();
        if (!os::wait_readable({appeared.fd(), process_->exit_fd()}, deadline, host_.interrupt))
            return false;
        appeared.reset();
    }
    return true;
}

void VhostVsock::wait_until_free(const std::string& machine) {
    check();
    const auto& socket = sockets_.at(machine).guest;
    wait_until([&] { return is_free(socket); }, Deadline::after(renewal_limit));
}

void VhostVsock::take(const std::string& machine) {
    const auto& socket = sockets_.at(machine).guest;
    if (const auto identity = identity_of(socket))
        taken_.with([&](auto& taken) { taken[socket] = *identity; });
}

void VhostVsock::stop() noexcept {
    if (process_ && ::access(directory_.c_str(), F_OK) == 0)
        host_.log.info(fmt::format("kill vsock (pid {})", pid()));
    if (process_)
        process_->stop();
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
}

} // namespace ntd::vsock
