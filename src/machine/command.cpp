#include <ntd/machine/command.h>

#include <ntd/base/error.h>
#include <ntd/os/byte_stream.h>

#include <fcntl.h>

#include <memory>

namespace ntd::machine {

std::string shortened(std::string_view command) {
    constexpr std::size_t most = 200;
    return command.size() <= most ? std::string(command)
                                  : std::string(command.substr(0, most)) + "...";
}

void check_output_size(const Host& host,
                       const std::string& machine,
                       std::string_view command,
                       std::size_t size) {
    if (size > host.max_output)
        throw MachineError("machine '{}': the command `{}` was ended: its output is more than {} "
                           "bytes (--max-output), which is all that may be kept in memory; have "
                           "it written to a file, and copy that",
                           machine, shortened(command), host.max_output);
}

void warn_of_holders(const Host& host,
                     const std::string& machine,
                     std::string_view command,
                     std::string_view holders) {
    if (holders.empty())
        return;
    host.log.line(machine, log::Level::warning,
                  fmt::format("the command `{}` has ended, but its output is held open by: {}. "
                              "Waiting until they close it. (To leave a process in the "
                              "background, redirect its output: `... >&2 &`.)",
                              shortened(command), shortened(holders)));
}

OutputSink sink_to(int fd, os::Interrupt& interrupt) {
    auto file = std::make_shared<os::ByteStream>(UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)));
    if (!*file)
        throw_errno("duplicate descriptor {}", fd);
    return [file, &interrupt](std::string_view bytes) {
        if (file->write_all(bytes, -1, Deadline::never(), interrupt) ==
            os::ByteStream::Outcome::closed)
            throw SystemError(EPIPE, "write the output of a command");
    };
}

} // namespace ntd::machine
