#include <ntd/network/capture.h>

#include <ntd/base/error.h>
#include <ntd/network/vde_switch.h>
#include <ntd/os/directory_watch.h>
#include <ntd/os/other_process.h>
#include <ntd/os/private_directory.h>
#include <ntd/os/wait.h>
#include <ntd/trace/trace.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace ntd::network {

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto connect_limit = 30s;

// For frames in transit when a capture ends. Limited because a network may never be quiet.
constexpr auto last_frames_limit = 1s;

// The switch makes a socket for each connection, with a name that begins with the port. The socket
// of a closed connection may remain for a moment, and its name or inode may be reused; hence the
// ctime.
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

Capture::Capture(fs::path file, const machine::Host& host)
    : path_(std::move(file)), host_(host), file_(os::open_output(path_)) {
    append(proto::pcap_header());
}

Capture::~Capture() {
    stop();
}

void Capture::plug_into(VdeSwitch& vlan_switch) {
    const auto& switch_dir = vlan_switch.directory();
    const auto port = fmt::format("{}[{}]", switch_dir.string(), VdeSwitch::capture_port);
    const os::ProcessSpec spec{.argv = {"vde_plug", port}, .environment = host_.environment()};
    const auto before = connections(switch_dir);
    auto plug = std::make_unique<Plug>();
    plug->switch_dir = switch_dir;
    plug->switch_pid = vlan_switch.console().pid();
    plug->process.emplace(
        fmt::format("the vde_plug for '{}'", path_.string()), spec, host_,
        [this, &plug = *plug](std::string_view bytes) { on_frames(plug, bytes); },
        machine::HelperProcess::End::left_to_caller);
    wait_for_connection(*plug, before);
    plug->process->leave_end_to_log();
    trace::info(trace::Category::network, "capture of {} to {} has started", switch_dir.native(),
                path_.native());
    const std::lock_guard lock(mutex_);
    if (!stopped_) // otherwise the plug ends here
        plugs_.push_back(std::move(plug));
}

void Capture::wait_for_connection(Plug& plug, const std::set<std::string>& before) {
    os::DirectoryWatch appeared(plug.switch_dir);
    const auto deadline = Deadline::after(connect_limit);
    try {
        while (!is_new_one(before, connections(plug.switch_dir))) {
            plug.process->check();
            if (!os::wait_readable({appeared.fd(), plug.process->exit_fd()}, deadline,
                                   host_.interrupt))
                throw MachineError("{} got no connection within {} seconds", plug.process->what(),
                                   std::chrono::seconds(connect_limit).count());
            appeared.reset();
        }
    } catch (Error& error) {
        error.add_context(
            fmt::format("the network '{}' cannot be captured", plug.switch_dir.string()));
        throw;
    }
}

// Runs on the I/O thread. A full file system must not stop the test.
void Capture::on_frames(Plug& plug, std::string_view bytes) {
    plug.decoder.feed(bytes);
    const auto now = std::chrono::system_clock::now();
    std::string records;
    while (const auto frame = plug.decoder.next())
        records += proto::pcap_record(now, *frame);
    if (!is_full_ && !append(records)) {
        is_full_ = true;
        host_.log.warning(fmt::format("cannot write more frames to '{}'", path_.string()));
    }
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

void Capture::pull(Plug& plug) noexcept {
    try {
        plug.process->check();
    } catch (const std::exception& error) {
        const std::lock_guard lock(mutex_);
        if (!cut_short_)
            cut_short_ = error.what();
    }
    // A frame that a machine has received may still be in one of these, in this order.
    const auto deadline = Deadline::after(last_frames_limit);
    for (const auto pid : {plug.switch_pid, plug.process->pid()})
        os::wait_until_asleep(pid, deadline);
    plug.process->stop_and_read();
    trace::info(trace::Category::network, "capture of {} to {} has stopped",
                plug.switch_dir.native(), path_.native());
}

// Removes matching plugs from the list, so that nothing waits for a plug with the lock held.
Capture::Plugs Capture::take(const std::function<bool(const Plug&)>& which) {
    Plugs taken;
    const std::lock_guard lock(mutex_);
    const auto last = std::partition(plugs_.begin(), plugs_.end(),
                                     [&](const auto& plug) { return !which(*plug); });
    std::move(last, plugs_.end(), std::back_inserter(taken));
    plugs_.erase(last, plugs_.end());
    return taken;
}

void Capture::unplug_from(const fs::path& switch_dir) noexcept {
    for (const auto& plug : take([&](const Plug& each) { return each.switch_dir == switch_dir; }))
        pull(*plug);
}

void Capture::stop() noexcept {
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
    }
    for (const auto& plug : take([](const Plug&) { return true; }))
        pull(*plug);
    file_.reset();
}

void Capture::check() const {
    const std::lock_guard lock(mutex_);
    if (cut_short_)
        throw MachineError("'{}' does not have all that has passed over the network: {}",
                           path_.string(), *cut_short_);
}

} // namespace ntd::network
