#include <ntd/vm/vlan.h>

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/os/unix_socket.h>
#include <ntd/os/wait.h>

#include <unistd.h>

namespace ntd::vm {

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto start_limit = 30s;

// Makes room for the switch's directory. vde_switch resolves symbolic links, so that a short link
// to a long path does not help it, and cuts what is too long for a socket. It then gets a short
// directory, and the link to that is where the directory belongs.
fs::path prepare_directory(const fs::path& tmp_dir, int number, const os::OrphanGuard& guard) {
    constexpr std::size_t room_for_sockets = 20; // "/ctl", "/.01234.56789"
    const auto name = fmt::format("vde{}.ctl", number);
    const auto path = tmp_dir / name;
    std::error_code ignored; // a directory left over by a driver that was killed
    fs::remove_all(path, ignored);
    guard.add_file(path.native());
    const auto length = fs::canonical(tmp_dir).native().size() + 1 + name.size();
    fs::path direct = path;
    if (length + room_for_sockets > os::longest_socket_path) {
        direct = fmt::format("/tmp/ntd-{}-{}", ::getpid(), name);
        fs::remove_all(direct, ignored);
        fs::create_symlink(direct, path);
        guard.add_file(direct.native());
    }
    guard.add_file((direct / "ctl").native()); // a switch that is killed leaves them
    return direct;
}

} // namespace

VLan::VLan(int number, const fs::path& tmp_dir, const Host& host, const ContainerHost* containers)
    : number_(number), socket_dir_(prepare_directory(tmp_dir, number, host.guard)), host_(host) {
    host_.log.info("start vlan");
    const os::ProcessSpec spec{
        .argv = {"vde_switch", "--sock", socket_dir_.string(), "--dirmode", "0700", "--hub"},
        .environment = host_.environment(),
        .directory = {},
    };
    process_ = std::make_unique<os::ChildProcess>(spec, host_.guard);
    stdin_ = os::ByteStream::nonblocking(std::move(process_->stdin_pipe));
    stdout_ = os::ByteStream::nonblocking(std::move(process_->stdout_pipe));
    stderr_ = os::ByteStream::nonblocking(std::move(process_->stderr_pipe));
    stdout_watch_ =
        host_.loop.watch(stdout_.fd(), [this] { return on_readable(stdout_, &decoder_); });
    stderr_watch_ =
        host_.loop.watch(stderr_.fd(), [this] { return on_readable(stderr_, nullptr); });
    wait_until_ready();
    if (containers != nullptr)
        plug_into(*containers);
    host_.log.info(fmt::format("running vlan (pid {}; ctl {})", pid(), socket_dir_.string()));
}

VLan::~VLan() {
    stop();
}

// Keeps the pipes of the switch empty for as long as it lives: a full one would stop it.
bool VLan::on_readable(os::ByteStream& stream, proto::VdeDecoder* decoder) {
    constexpr std::size_t most_text = 4096;
    std::string bytes;
    const bool closed = stream.read_ready(bytes) == os::ByteStream::Outcome::closed;
    std::optional<proto::VdeReply> reply;
    if (decoder != nullptr) {
        decoder->feed(bytes);
        reply = decoder->next();
    }
    state_.with([&](State& state) {
        state.text = tail(state.text + bytes, most_text);
        state.open_streams -= closed ? 1 : 0;
        if (reply)
            state.reply = std::move(reply);
    });
    changed_.notify();
    return !closed;
}

void VLan::wait_until_ready() {
    os::Broadcast::Listener changed(changed_);
    const auto deadline = Deadline::after(start_limit);
    stdin_.write_all("showinfo\n", process_->exit_fd(), deadline, host_.interrupt);
    for (;;) {
        changed.reset();
        const auto [reply, text, open_streams] = state_.copy();
        if (reply && reply->success)
            return;
        const auto status = process_->poll();
        if (reply || (status && open_streams == 0))
            throw MachineError(
                "vlan {}: vde_switch for '{}' {}; it said: {}", number_, socket_dir_.string(),
                status ? status->describe() : "refused its first command", printable(text));
        const int exit_fd = status ? -1 : process_->exit_fd();
        if (!os::wait_readable({changed.fd(), exit_fd}, deadline, host_.interrupt))
            throw MachineError("vlan {}: vde_switch for '{}' did not answer within {} seconds",
                               number_, socket_dir_.string(),
                               std::chrono::seconds(start_limit).count());
    }
}

// The device is there when its first user, the start script of a container, looks for it.
void VLan::plug_into(const ContainerHost& containers) {
    const auto device = fmt::format("vde-tap{}", number_);
    if (::access("/dev/net/tun", R_OK | W_OK) < 0) {
        host_.log.debug(fmt::format("vlan {}: containers and virtual machines cannot reach each "
                                    "other on it: there is no /dev/net/tun",
                                    number_));
        return;
    }
    os::ProcessSpec spec{
        .argv = {"vde_plug2tap", "-s", socket_dir_.string(), device},
        .environment = host_.environment(),
        .pipe_stdin = false,
    };
    containers.place(spec);
    plug_ = std::make_unique<os::ChildProcess>(spec, host_.guard);
    plug_stderr_ = os::ByteStream::nonblocking(std::move(plug_->stderr_pipe));
    plug_watch_ =
        host_.loop.watch(plug_stderr_.fd(), [this] { return on_readable(plug_stderr_, nullptr); });
    const auto deadline = Deadline::after(start_limit);
    while (!containers.has_device(device)) {
        os::wait_readable({plug_->exit_fd()}, sooner(deadline, Deadline::after(2ms)),
                          host_.interrupt);
        if (const auto status = plug_->poll(); status || deadline.passed())
            return give_plug_up(status ? status->describe() : "made no device");
    }
}

// A test may do without: some sandboxes have /dev/net/tun, but let nobody use it.
void VLan::give_plug_up(std::string_view what_it_did) {
    plug_watch_.reset();
    std::string said;
    plug_stderr_.read_ready(said);
    plug_.reset();
    host_.log.warning(fmt::format("vlan {}: containers and virtual machines cannot reach each "
                                  "other on it: vde_plug2tap {}; it said: {}",
                                  number_, what_it_did, printable(state_.copy().text + said)));
}

void VLan::stop() noexcept {
    plug_.reset();
    if (!process_ || process_->poll())
        return;
    host_.log.info(fmt::format("kill vlan (pid {})", pid()));
    process_->end(Deadline::after(3s));
    std::error_code ignored; // it has removed the directory, unless a plug had just gone
    fs::remove_all(socket_dir_, ignored);
}

} // namespace ntd::vm
