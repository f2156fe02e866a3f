#pragma once

#include <ntd/base/deadline.h>
#include <ntd/base/unique_fd.h>
#include <ntd/os/interrupt.h>

#include <array>
#include <string>

namespace ntd::os {

// Connects to a port of a guest's vsock through a Unix socket on the host, as vhost-device-vsock
// and Firecracker offer it: "CONNECT PORT\n" is sent, "OK PORT\n" comes back, and the rest is the
// connection's. A port on which nobody listens ends it without an answer; a guest that has not yet
// loaded its driver gives none at all.
//
// Returns a non-blocking socket. One of `ends` (-1: none) becomes readable when no answer will come
// any more. Throws SystemError (ECONNREFUSED: nobody listens in the guest; ECONNABORTED: `ends`),
// ProtocolError, TimeoutError.
UniqueFd connect_vsock_mux(const std::string& path,
                           unsigned port,
                           std::array<int, 2> ends,
                           Deadline deadline,
                           Interrupt& interrupt);

// The half of it that a guest has a hand in: takes the answer, and nothing behind it, from a socket
// that was asked for `what`.
void read_vsock_mux_answer(int fd,
                           const std::string& what,
                           std::array<int, 2> ends,
                           Deadline deadline,
                           Interrupt& interrupt);

} // namespace ntd::os
