#include <ntd/vm/capture.h>

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/os/private_directory.h>
#include <ntd/os/wait.h>
#include <ntd/vm/vde_switch.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace ntd::vm {

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto connect_limit = 30s;

// The switch makes a socket for each connection, whose name begins with the port. One that has gone
// may still be there for a moment, and its name, or inode, be used again.
std::set<std::string> connections(const fs::path& switch_dir) {
    const auto start = fmt::format("{:03}.", VdeSwitch::capture_port);
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(switch_dir)) {
        struct stat status {};
        if (entry.path().filename().native().starts_with(start) &&
            ::lstat(entry.path().c_str(), &status) == 0)
            found.insert(fmt::format("{} {} {}.{}", entry.path().native(), status.st_ino,
                                     status.st_ctim.tv_sec, status.st_ctim.tv_nsec));
    }
    return found;
}

bool is_new_one(const std::set<std::string>& before, const std::set<std::string>& now) {
    return !std::includes(before.begin(), before.end(), now.begin(), now.end());
}

} // namespace

Capture::Plug::Plug(const os::ProcessSpec& spec, const os::OrphanGuard& guard)
    : process(spec, guard), frames(os::ByteStream::nonblocking(std::move(process.stdout_pipe))) {}

Capture::Capture(fs::path file, const Host& host)
    : path_(std::move(file)), host_(host), file_(os::open_output(path_)) {
    append(proto::pcap_header());
}

Capture::~Capture() {
    stop();
}

void Capture::plug_into(const fs::path& switch_dir) {
    const std::lock_guard lock(mutex_);
    if (stopped_)
        return;
    const auto before = connections(switch_dir);
    const auto port = fmt::format("{}[{}]", switch_dir.string(), VdeSwitch::capture_port);
    const os::ProcessSpec spec{.argv = {"vde_plug", port}, .environment = host_.environment()};
    auto plug = std::make_unique<Plug>(spec, host_.guard);
    wait_for_connection(plug->process, switch_dir, before);
    plug->watch =
        host_.loop.watch(plug->frames.fd(), [this, &plug = *plug] { return on_readable(plug); });
    plugs_.push_back(std::move(plug));
}

void Capture::wait_for_connection(os::ChildProcess& plug,
                                  const fs::path& switch_dir,
                                  const std::set<std::string>& before) {
    const auto deadline = Deadline::after(connect_limit);
    while (!is_new_one(before, connections(switch_dir))) {
        os::wait_readable({plug.exit_fd()}, sooner(deadline, Deadline::after(2ms)),
                          host_.interrupt);
        const auto status = plug.poll();
        if (!status && !deadline.passed())
            continue;
        std::string said;
        os::ByteStream::nonblocking(std::move(plug.stderr_pipe)).read_ready(said);
        throw MachineError("'{}' cannot be captured: vde_plug in the switch '{}' {}; it said: {}",
                           path_.string(), switch_dir.string(),
                           status ? status->describe() : "got no connection", printable(said));
    }
}

// On the I/O thread: a file system that is full must not stop the test.
bool Capture::on_readable(Plug& plug) {
    std::string bytes;
    const bool closed = plug.frames.read_ready(bytes) == os::ByteStream::Outcome::closed;
    plug.decoder.feed(bytes);
    const auto now = std::chrono::system_clock::now();
    std::string records;
    while (const auto frame = plug.decoder.next())
        records += proto::pcap_record(now, *frame);
    if (!append(records)) {
        host_.log.warning(fmt::format("'{}' can take no more frames", path_.string()));
        return false;
    }
    return !closed;
}

bool Capture::append(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto count = ::write(file_.get(), bytes.data(), bytes.size());
        if (count < 0)
            return false;
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

void Capture::stop() noexcept {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    for (const auto& plug : plugs_)
        plug->watch.reset();
    for (const auto& plug : plugs_)
        on_readable(*plug);
    plugs_.clear();
}

} // namespace ntd::vm
