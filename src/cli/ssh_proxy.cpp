#include "ssh_proxy.h"

#include <ntd/base/error.h>
#include <ntd/os/interrupt.h>
#include <ntd/os/syscall.h>
#include <ntd/os/vsock_mux.h>

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace ntd::cli {

namespace {

using namespace std::chrono_literals;

constexpr unsigned ssh_port = 22;
constexpr auto answer_limit = 60s; // a slow guest may take long to start its SSH server

void send_descriptor(int to, int descriptor) {
    char byte = 0;
    iovec data{&byte, 1};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    auto* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    if (os::retry_eintr([&] { return ::sendmsg(to, &message, 0); }) < 0)
        throw_errno("hand the connection to ssh over standard output (does ssh have the option "
                    "ProxyUseFdpass=yes?)");
}

} // namespace

void run_ssh_proxy(std::string_view socket) {
    constexpr std::string_view prefix = "vsock-mux/";
    if (socket.starts_with(prefix))
        socket.remove_prefix(prefix.size());
    os::Interrupt none;
    const auto connection = os::connect_vsock_mux(std::string(socket), ssh_port, {-1, -1},
                                                  Deadline::after(answer_limit), none);
    send_descriptor(STDOUT_FILENO, connection.get());
}

} // namespace ntd::cli
