#pragma once

#include <ntd/base/error.h>

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstddef>

namespace ntd {

// Cryptographically secure random bytes from the kernel. Throws SystemError.
template <std::size_t Count>
std::array<unsigned char, Count> random_bytes() {
    static_assert(Count <= 256, "more may come in pieces");
    std::array<unsigned char, Count> bytes{};
    while (::getrandom(bytes.data(), Count, 0) != static_cast<ssize_t>(Count))
        if (errno != EINTR)
            throw_errno("get random bytes");
    return bytes;
}

} // namespace ntd
