#include <ntd/vm/vlan.h>

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/os/wait.h>
#include <ntd/vm/names.h>

#include <unistd.h>

#include <utility>

namespace ntd::vm {

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto start_limit = 30s;

// Members start the switch: the log says it before, and its files are named after the number.
int announced(int number, const Host& host) {
    check_vlan_number(number);
    host.log.info("start vlan");
    return number;
}

} // namespace

VLan::VLan(int number, const fs::path& tmp_dir, const Host& host, const ContainerHost* containers)
    : number_(announced(number, host)), host_(host), impairment_(number, tmp_dir, host),
      switch_(fmt::format("vlan {}: vde_switch", number),
              tmp_dir,
              fmt::format("vde{}.ctl", number),
              host,
              [this](std::string_view event) { impairment_.on_event(event); }) {
    if (containers != nullptr)
        plug_into(*containers);
    host_.log.info(fmt::format("running vlan (pid {}; ctl {})", pid(), socket_dir().string()));
}

VLan::~VLan() {
    stop();
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
        .argv = {"vde_plug2tap", "-s", socket_dir().string(), device},
        .environment = host_.environment(),
        .pipe_stdin = false,
    };
    containers.place(spec);
    plug_ = std::make_unique<os::ChildProcess>(spec, host_.guard);
    plug_stderr_ = os::ByteStream::nonblocking(std::move(plug_->stderr_pipe));
    plug_watch_ = host_.loop.watch(plug_stderr_.fd(), [this] { return on_plug_readable(); });
    const auto deadline = Deadline::after(start_limit);
    while (!containers.has_device(device)) {
        os::wait_readable({plug_->exit_fd()}, sooner(deadline, Deadline::after(2ms)),
                          host_.interrupt);
        if (const auto status = plug_->poll(); status || deadline.passed())
            return give_plug_up(status ? status->describe() : "made no device");
    }
}

// Keeps the pipe of the plug empty for as long as it lives: a full one would stop it.
bool VLan::on_plug_readable() {
    constexpr std::size_t most_text = 4096;
    std::string bytes;
    const bool closed = plug_stderr_.read_ready(bytes) == os::ByteStream::Outcome::closed;
    plug_text_.with([&](std::string& text) { text = tail(text + bytes, most_text); });
    return !closed;
}

// A test may do without: some sandboxes have /dev/net/tun, but let nobody use it.
void VLan::give_plug_up(std::string_view what_it_did) {
    plug_watch_.reset();
    std::string said;
    plug_stderr_.read_ready(said);
    plug_.reset();
    host_.log.warning(fmt::format("vlan {}: containers and virtual machines cannot reach each "
                                  "other on it: vde_plug2tap {}; it said: {}",
                                  number_, what_it_did, printable(plug_text_.copy() + said)));
}

std::shared_ptr<Capture> VLan::capture(fs::path file) {
    auto capture = std::make_shared<Capture>(std::move(file), host_);
    capture->plug_into(socket_dir());
    impairment_.add_capture(capture);
    return capture;
}

void VLan::stop() noexcept {
    if (std::exchange(stopped_, true))
        return;
    plug_.reset();
    impairment_.stop();
    host_.log.info(fmt::format("kill vlan (pid {})", pid()));
    switch_.stop();
}

} // namespace ntd::vm
