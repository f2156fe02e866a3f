#include <ntd/os/write_file.h>

#include <ntd/base/error.h>
#include <ntd/base/write_all.h>
#include <ntd/os/private_directory.h>
#include <ntd/os/syscall.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace ntd::os {

OutputFile::OutputFile(std::filesystem::path path)
    : path_(std::move(path)), file_(open_output(path_)) {}

void OutputFile::write(std::string_view bytes) {
    if (const int error = write_all(file_.get(), bytes); error != 0)
        throw SystemError(error, fmt::format("write '{}'", path_.string()));
}

void OutputFile::copy_from(int fd) {
    std::array<char, 1 << 16> piece{};
    for (off_t position = 0;;) {
        const auto count =
            retry_eintr([&] { return ::pread(fd, piece.data(), piece.size(), position); });
        if (count < 0)
            throw_errno("read what goes to '{}'", path_.string());
        if (count == 0)
            return;
        write({piece.data(), static_cast<std::size_t>(count)});
        position += count;
    }
}

UniqueFd make_nameless_file(const std::filesystem::path& directory) noexcept {
    UniqueFd file(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (file)
        return file;
    auto name = (directory / "ntd-XXXXXX").string(); // for file systems without O_TMPFILE
    file.reset(::mkostemp(name.data(), O_CLOEXEC));
    if (file)
        ::unlink(name.c_str());
    return file;
}

} // namespace ntd::os
