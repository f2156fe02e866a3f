#pragma once

#include <string_view>

namespace ntd::cli {

// What ssh runs as its ProxyCommand: connects to the SSH server of a guest through the host's
// socket of its vsock, and hands the connection over standard output to ssh (ProxyUseFdpass).
// `socket` may have "vsock-mux/" in front, as ssh's %h has it. Throws Error.
void run_ssh_proxy(std::string_view socket);

} // namespace ntd::cli
