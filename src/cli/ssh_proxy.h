#pragma once

#include <string_view>

namespace ntd::cli {

// Runs as ssh's ProxyCommand. Connects to the SSH server of a guest through the host's socket of
// its vsock, and passes the connected file descriptor to ssh over standard output (ProxyUseFdpass).
// `socket` may start with "vsock-mux/", as in ssh's %h. Throws Error.
void run_ssh_proxy(std::string_view socket);

} // namespace ntd::cli
