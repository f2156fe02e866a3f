#include "fuzz.h"

#include <ntd/base/error.h>
#include <ntd/os/vsock_mux.h>

#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) < 0)
        std::abort();
    const ntd::UniqueFd ours(ends[0]);
    const ntd::UniqueFd theirs(ends[1]);
    (void)!::send(theirs.get(), data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    ::shutdown(theirs.get(), SHUT_WR);
    ntd::os::Interrupt none;
    try {
        ntd::os::read_vsock_mux_answer(ours.get(), "port 1", {-1, -1}, ntd::Deadline::never(),
                                       none);
    } catch (const ntd::Error&) {
    }
    return 0;
}
