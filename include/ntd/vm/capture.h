#pragma once

#include <ntd/os/byte_stream.h>
#include <ntd/os/child_process.h>
#include <ntd/proto/pcap.h>
#include <ntd/vm/host.h>

#include <filesystem>
#include <optional>
#include <string_view>

namespace ntd::vm {

// Writes all that passes over a VLAN into a pcap file: a vde_plug in its switch, which is a hub,
// sees every frame. A frame is in the file as soon as it has been read. From the constructor's
// return until stop() or the end of this object.
class Capture {
public:
    // Throws SystemError if the file cannot be written or vde_plug not be run, MachineError if that
    // does not get a connection to the switch.
    Capture(const std::filesystem::path& switch_dir, std::filesystem::path file, const Host& host);
    ~Capture();
    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;
    Capture(Capture&&) = delete;
    Capture& operator=(Capture&&) = delete;

    const std::filesystem::path& file() const { return path_; }
    void stop() noexcept; // what has passed by then is in the file

private:
    void wait_for_connection(const std::filesystem::path& switch_dir, std::size_t sockets_before);
    bool on_readable();
    bool append(std::string_view bytes);

    std::filesystem::path path_;
    const Host& host_;
    UniqueFd file_;
    std::optional<os::ChildProcess> plug_;
    os::ByteStream frames_;
    proto::VdePlugDecoder decoder_; // I/O thread
    os::EventLoop::Watch watch_;    // last: its callback uses the rest
};

} // namespace ntd::vm
