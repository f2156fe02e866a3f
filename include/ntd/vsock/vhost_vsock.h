#pragma once

#include <ntd/base/guarded.h>
#include <ntd/machine/helper_process.h>

#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ntd::vsock {

// The two sockets on the host for a machine's vsock.
struct VsockSockets {
    std::filesystem::path host;  // for clients: os/vsock_mux.h
    std::filesystem::path guest; // for QEMU: the vhost-user protocol
    int cid = 0;                 // the context identifier
};

// The vsocks of all virtual machines, served by one vhost-device-vsock process, which runs during
// the lifetime of this object (or until stop()). Context identifiers (CIDs) count from 3 in the
// order of the machines' names; 0 to 2 are reserved (vsock(7)).
class VhostVsock {
public:
    // What a guest can reach over its vsock: the host alone, or the other guests as well.
    enum class Reach { host, siblings };

    // Returns when all sockets exist. Throws MachineError with the last output of the process,
    // SystemError.
    VhostVsock(std::vector<std::string> machines,
               const std::filesystem::path& tmp_dir,
               const machine::Host& host,
               Reach reach);
    ~VhostVsock();
    VhostVsock(const VhostVsock&) = delete;
    VhostVsock& operator=(const VhostVsock&) = delete;
    VhostVsock(VhostVsock&&) = delete;
    VhostVsock& operator=(VhostVsock&&) = delete;

    const std::map<std::string, VsockSockets>& sockets() const { return sockets_; }
    pid_t pid() const { return process_->pid(); }

    // Waits until QEMU can connect to the machine's vsock. The process serves one QEMU and makes a
    // new socket after that has ended. Throws MachineError if the process has ended.
    void wait_until_free(const std::string& machine);

    // Call it when QEMU has connected.
    void take(const std::string& machine);

    // Throws MachineError, with the last output, if the process has ended.
    void check() { process_->check(); }

    void stop() noexcept;

private:
    using Identity = std::pair<ino_t, std::int64_t>; // of a file: inode number and ctime

    static std::optional<Identity> identity_of(const std::filesystem::path& file);
    std::vector<std::string> command_line() const;
    bool is_free(const std::filesystem::path& guest_socket) const;
    bool wait_until(const std::function<bool()>& ready, Deadline deadline);

    const machine::Host& host_;
    Reach reach_;
    std::filesystem::path directory_; // made by us
    std::map<std::string, VsockSockets> sockets_;
    Guarded<std::map<std::filesystem::path, Identity>> taken_;
    std::unique_ptr<machine::HelperProcess> process_;
};

} // namespace ntd::vsock
