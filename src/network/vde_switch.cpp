#include <ntd/network/vde_switch.h>

#include <ntd/base/error.h>
#include <ntd/os/private_directory.h>
#include <ntd/os/unix_socket.h>

#include <unistd.h>

#include <utility>

namespace ntd::network {

namespace {

namespace fs = std::filesystem;

// Returns the directory for the switch to use. vde_switch resolves symbolic links and truncates
// socket paths that are too long, so a short link to a long path does not help. In that case the
// switch gets a short directory, with a link to it in `tmp_dir`.
fs::path
prepare_directory(const fs::path& tmp_dir, std::string_view name, const os::OrphanGuard& guard) {
    constexpr std::size_t room_for_sockets = 20; // "/ctl", "/.01234.56789"
    const auto path = tmp_dir / name;
    os::remove_private(path); // left by a driver that was killed
    const auto length = fs::canonical(tmp_dir).native().size() + 1 + name.size();
    fs::path direct = path;
    if (length + room_for_sockets > os::longest_socket_path) {
        guard.add_file(path.native());
        direct = os::make_fresh_directory(fmt::format("/tmp/ntd-{}-{}", ::getpid(), name));
        fs::create_symlink(direct, path); // throws if the name exists by now
    }
    return direct;
}

os::ProcessSpec start_of(const fs::path& directory, const machine::Host& host) {
    return {.argv = {"vde_switch", "--sock", directory.string(), "--dirmode", "0700", "--hub",
                     "--numports", std::to_string(VdeSwitch::ports)},
            .environment = host.environment()};
}

} // namespace

VdeSwitch::VdeSwitch(std::string_view what,
                     const fs::path& tmp_dir,
                     std::string_view name,
                     const machine::Host& host,
                     VdeConsole::OnEvent on_event)
    : guard_(host.guard), directory_(prepare_directory(tmp_dir, name, guard_)),
      unfinished_(guard_.add_unfinished(directory_)),
      claim_(os::claim_private_directory(directory_)), // vde_switch does not check the owner
      console_(fmt::format("{} for '{}'", what, directory_.string()),
               start_of(directory_, host),
               host,
               std::move(on_event)) {
    console_.command("showinfo");
}

VdeSwitch::~VdeSwitch() {
    stop();
}

void VdeSwitch::stop() noexcept {
    console_.stop();
    std::error_code ignored; // the switch removes it, unless a plug has just ended
    fs::remove_all(directory_, ignored);
    guard_.forget_unfinished(unfinished_);
}

} // namespace ntd::network
