#include <ntd/vm/capture.h>

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/os/wait.h>

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <set>
#include <utility>

namespace ntd::vm {

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto connect_limit = 30s;

// The switch makes a socket for each connection.
std::set<fs::path> sockets_in(const fs::path& switch_dir) {
    std::set<fs::path> sockets;
    for (const auto& entry : fs::directory_iterator(switch_dir))
        sockets.insert(entry.path());
    return sockets;
}

} // namespace

Capture::Capture(const fs::path& switch_dir, fs::path file, const Host& host)
    : path_(std::move(file)), host_(host),
      file_(::open(path_.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644)) {
    if (!file_)
        throw_errno("write '{}'", path_.string());
    append(proto::pcap_header());
    const auto before = sockets_in(switch_dir);
    plug_.emplace(os::ProcessSpec{.argv = {"vde_plug", switch_dir.string()},
                                  .environment = host_.environment()},
                  host_.guard);
    frames_ = os::ByteStream::nonblocking(std::move(plug_->stdout_pipe));
    wait_for_connection(switch_dir, before.size());
    watch_ = host_.loop.watch(frames_.fd(), [this] { return on_readable(); });
}

Capture::~Capture() {
    stop();
}

void Capture::wait_for_connection(const fs::path& switch_dir, std::size_t sockets_before) {
    const auto deadline = Deadline::after(connect_limit);
    while (sockets_in(switch_dir).size() <= sockets_before) {
        os::wait_readable({plug_->exit_fd()}, sooner(deadline, Deadline::after(2ms)),
                          host_.interrupt);
        const auto status = plug_->poll();
        if (!status && !deadline.passed())
            continue;
        std::string said;
        os::ByteStream::nonblocking(std::move(plug_->stderr_pipe)).read_ready(said);
        throw MachineError("'{}' cannot be captured: vde_plug in the switch '{}' {}; it said: {}",
                           path_.string(), switch_dir.string(),
                           status ? status->describe() : "got no connection", printable(said));
    }
}

// On the I/O thread: a file system that is full must not stop the test.
bool Capture::on_readable() {
    std::string bytes;
    const bool closed = frames_.read_ready(bytes) == os::ByteStream::Outcome::closed;
    decoder_.feed(bytes);
    const auto now = std::chrono::system_clock::now();
    std::string records;
    while (const auto frame = decoder_.next())
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
    if (!plug_)
        return;
    watch_.reset();
    on_readable();
    plug_.reset();
}

} // namespace ntd::vm
