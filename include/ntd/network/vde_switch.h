#pragma once

#include <ntd/base/unique_fd.h>
#include <ntd/network/vde_console.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace ntd::network {

// A vde_switch in hub mode, for as long as this object lives (or until stop()), in a directory that
// goes with it.
class VdeSwitch {
public:
    // Its ports. Machines take the first that is free.
    static constexpr int most_impaired = 60; // ports of machines with loss and delay, and as many
                                             // after them for the wirefilters: see Impairment
    static constexpr int capture_port = 125; // all captures are here
    static constexpr int ports = 128;        // one less, or from 0 on: that depends on the release

    // Returns when it answers. `name` is that of its directory in `tmp_dir`, which may be a link to
    // the real one. Throws MachineError with its last words, SystemError.
    VdeSwitch(std::string_view what,
              const std::filesystem::path& tmp_dir,
              std::string_view name,
              const machine::Host& host,
              VdeConsole::OnEvent on_event = {});
    ~VdeSwitch();
    VdeSwitch(const VdeSwitch&) = delete;
    VdeSwitch& operator=(const VdeSwitch&) = delete;
    VdeSwitch(VdeSwitch&&) = delete;
    VdeSwitch& operator=(VdeSwitch&&) = delete;

    const std::filesystem::path& directory() const { return directory_; }
    VdeConsole& console() { return console_; }
    const VdeConsole& console() const { return console_; }
    void stop() noexcept;

private:
    const os::OrphanGuard& guard_;
    std::filesystem::path directory_;
    int unfinished_; // the directory: a switch or a plug that is killed leaves its sockets
    UniqueFd claim_; // keeps other runs away
    VdeConsole console_;
};

} // namespace ntd::network
