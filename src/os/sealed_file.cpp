#include <ntd/os/sealed_file.h>

#include <ntd/base/error.h>
#include <ntd/os/syscall.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace ntd::os {

UniqueFd sealed_file(const char* name, std::string_view bytes) {
    UniqueFd file(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!file)
        throw_errno("make a file in memory");
    while (!bytes.empty()) {
        const auto written =
            retry_eintr([&] { return ::write(file.get(), bytes.data(), bytes.size()); });
        if (written < 0)
            throw_errno("store {} bytes in a file in memory", bytes.size());
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    constexpr int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    if (::fcntl(file.get(), F_ADD_SEALS, seals) < 0 || ::lseek(file.get(), 0, SEEK_SET) < 0)
        throw_errno("seal a file in memory");
    return file;
}

} // namespace ntd::os
