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

// Writes all that passes over a VLAN into a pcap file: a vde_plug in its switch, which is a hub,
// sees every frame. A frame is in the file as soon as it has been read. Until stop() or the end of
// this object.
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

    // From now on what passes over this switch is in the file, too. Throws SystemError if vde_plug
    // cannot be run, MachineError if that does not get a connection.
    void plug_into(VdeSwitch& vlan_switch);

    void unplug_from(const std::filesystem::path& switch_dir) noexcept; // before that ends

    void stop() noexcept; // what has passed by then is in the file

    // Throws MachineError if it is not, because a vde_plug had ended before.
    void check() const;

private:
    struct Plug {
        std::filesystem::path switch_dir;
        pid_t switch_pid = -1;
        proto::VdePlugDecoder decoder = {};
        std::optional<machine::HelperProcess> process = {}; // last: its callback uses the rest
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
    std::atomic<bool> is_full_ = false; // the place where the file is
    mutable std::mutex mutex_;          // for what follows
    bool stopped_ = false;
    std::optional<std::string> cut_short_; // why
    Plugs plugs_;
};

} // namespace ntd::network
