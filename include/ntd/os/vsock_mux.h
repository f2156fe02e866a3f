#pragma once

#include <ntd/base/deadline.h>
#include <ntd/base/unique_fd.h>
#include <ntd/os/interrupt.h>

#include <array>
#include <string>

namespace ntd::os {

// Connects to a port of a guest's vsock through a Unix socket on the host, with the protocol of
// vhost-device-vsock and Firecracker: the client sends "CONNECT PORT\n" and the server answers
// "OK PORT\n"; the rest belongs to the connection. If nobody listens on the port, the server closes
// the connection without an answer. If the guest has not loaded its driver yet, there is no answer.
//
// Returns a non-blocking socket. `ends` (-1: unused) become readable when no answer can come any
// more. Throws SystemError (ECONNREFUSED: nobody listens in the guest; ECONNABORTED: `ends`),
// ProtocolError, TimeoutError.
UniqueFd connect_vsock_mux(const std::string& path,
                           unsigned port,
                           std::array<int, 2> ends,
                           Deadline deadline,
                           Interrupt& interrupt);

// Reads the answer, and nothing after it, from a socket on which `what` was requested. Separate,
// because a guest can influence this half.
void read_vsock_mux_answer(int fd,
                           const std::string& what,
                           std::array<int, 2> ends,
                           Deadline deadline,
                           Interrupt& interrupt);

} // namespace ntd::os
