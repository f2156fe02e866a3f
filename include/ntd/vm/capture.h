#pragma once

#include <ntd/os/byte_stream.h>
#include <ntd/os/child_process.h>
#include <ntd/proto/pcap.h>
#include <ntd/vm/host.h>

#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace ntd::vm {

// Writes all that passes over a VLAN into a pcap file: a vde_plug in its switch, which is a hub,
// sees every frame. A frame is in the file as soon as it has been read. Until stop() or the end of
// this object.
class Capture {
public:
    // Throws SystemError if the file cannot be written.
    Capture(std::filesystem::path file, const Host& host);
    ~Capture();
    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;
    Capture(Capture&&) = delete;
    Capture& operator=(Capture&&) = delete;

    const std::filesystem::path& file() const { return path_; }

    // From now on what passes over this switch is in the file, too. Throws SystemError if vde_plug
    // cannot be run, MachineError if that does not get a connection.
    void plug_into(const std::filesystem::path& switch_dir);

    void stop() noexcept; // what has passed by then is in the file

private:
    struct Plug {
        Plug(const os::ProcessSpec& spec, const os::OrphanGuard& guard);
        os::ChildProcess process;
        os::ByteStream frames;
        proto::VdePlugDecoder decoder; // I/O thread
        os::EventLoop::Watch watch;    // last: its callback uses the rest
    };

    void wait_for_connection(os::ChildProcess& plug,
                             const std::filesystem::path& switch_dir,
                             const std::set<std::string>& before);
    bool on_readable(Plug& plug);
    bool append(std::string_view bytes);

    std::filesystem::path path_;
    const Host& host_;
    UniqueFd file_;
    std::mutex mutex_; // for what follows
    bool stopped_ = false;
    std::vector<std::unique_ptr<Plug>> plugs_;
};

} // namespace ntd::vm
