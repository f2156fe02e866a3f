#pragma once

#include <ntd/base/unique_fd.h>
#include <ntd/network/vde_console.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace ntd::network {

// A vde_switch in hub mode. It runs during the lifetime of this object (or until stop()), in a
// directory that is removed with it.
class VdeSwitch {
public:
    // Port numbers. Machines get the first free port.
    static constexpr int most_impaired = 60; // for machines with loss and delay; the next 60
                                             // are for their wirefilters, see Impairment
    static constexpr int capture_port = 125; // of all captures
    static constexpr int ports = 128;        // some releases of vde2: one less, or counted from 0

    // Returns when the switch answers. `name` is that of its directory in `tmp_dir`, which may be a
    // symbolic link to the real one. Throws MachineError with the last output, SystemError.
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
    int unfinished_; // the directory: a killed switch or plug leaves its sockets
    UniqueFd claim_; // lock against other runs
    VdeConsole console_;
};

} // namespace ntd::network
