#pragma once

#include <ntd/base/guarded.h>
#include <ntd/os/broadcast.h>
#include <ntd/os/byte_stream.h>
#include <ntd/os/child_process.h>
#include <ntd/proto/vde_codec.h>
#include <ntd/vm/container_host.h>
#include <ntd/vm/host.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace ntd::vm {

// One virtual network: a vde_switch in hub mode, which runs as long as this object (or until
// stop()). Machines find it through QEMU_VDE_SOCKET_<number>. Containers find it as the device
// vde-tap<number>, which their start scripts put into a bridge.
class VLan {
public:
    // Returns when the switch answers. Throws MachineError with its last words, SystemError.
    // `containers`: where that device is to be, or none.
    VLan(int number,
         const std::filesystem::path& tmp_dir,
         const Host& host,
         const ContainerHost* containers);
    ~VLan();
    VLan(const VLan&) = delete;
    VLan& operator=(const VLan&) = delete;
    VLan(VLan&&) = delete;
    VLan& operator=(VLan&&) = delete;

    int number() const { return number_; }
    const std::filesystem::path& socket_dir() const { return socket_dir_; }
    pid_t pid() const { return process_->pid(); }
    void stop() noexcept;

private:
    struct State {
        std::optional<proto::VdeReply> reply;
        std::string text;     // all that it said, for an error
        int open_streams = 2; // stdout and stderr of the switch
    };

    bool on_readable(os::ByteStream& stream, proto::VdeDecoder* decoder);
    void wait_until_ready();
    void plug_into(const ContainerHost& containers);
    void give_plug_up(std::string_view what_it_did);

    int number_;
    std::filesystem::path socket_dir_;
    const Host& host_;
    std::unique_ptr<os::ChildProcess> process_;
    os::ByteStream stdin_; // stays open: the switch ends with it
    os::ByteStream stdout_;
    os::ByteStream stderr_;
    proto::VdeDecoder decoder_; // I/O thread
    Guarded<State> state_;
    os::Broadcast changed_;
    std::unique_ptr<os::ChildProcess> plug_; // vde_plug2tap, or none
    os::ByteStream plug_stderr_;
    os::EventLoop::Watch stdout_watch_; // last: their callbacks use the rest
    os::EventLoop::Watch stderr_watch_;
    os::EventLoop::Watch plug_watch_;
};

} // namespace ntd::vm
