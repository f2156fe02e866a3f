#pragma once

#include <ntd/base/unique_fd.h>
#include <ntd/machine/helper_process.h>
#include <ntd/machine/host.h>
#include <ntd/proto/pcap.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace ntd::network {

class VdeSwitch;

// Writes all frames on a VLAN to a pcap file, until stop() or the destructor. A vde_plug in the
// VLAN's switch sees every frame, because the switch is a hub. Frames are in the file as soon as
// they are read.
class Capture {
public:
    // Throws SystemError if the file cannot be written.
    Capture(std::filesystem::path file, const machine::Host& host);
    ~Capture();
    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;
    Capture(Capture&&) = delete;
    Capture& operator=(Capture&&) = delete;

    const std::filesystem::path& file() const { return path_; }

    // From now on, also captures the frames on this switch. Throws SystemError if vde_plug cannot
    // be run, MachineError if it gets no connection.
    void plug_into(VdeSwitch& vlan_switch);

    void unplug_from(const std::filesystem::path& switch_dir) noexcept; // before the switch ends

    void stop() noexcept; // the file then has all frames so far

    // Throws MachineError if frames are missing because a vde_plug had ended early.
    void check() const;

private:
    struct Plug {
        std::filesystem::path switch_dir;
        pid_t switch_pid = -1;
        proto::VdePlugDecoder decoder = {};
        std::optional<machine::HelperProcess> process = {}; // last: its callback uses the others
    };

    void wait_for_connection(Plug& plug, const std::set<std::string>& before);
    void on_frames(Plug& plug, std::string_view bytes);
    bool append(std::string_view bytes);
    using Plugs = std::vector<std::unique_ptr<Plug>>;
    Plugs take(const std::function<bool(const Plug&)>& which);
    void pull(Plug& plug) noexcept;

    std::filesystem::path path_;
    const machine::Host& host_;
    UniqueFd file_;
    std::atomic<bool> is_full_ = false; // whether a write has failed
    mutable std::mutex mutex_;          // guards the members below
    bool stopped_ = false;
    std::optional<std::string> cut_short_; // why frames are missing
    Plugs plugs_;
};

} // namespace ntd::network
