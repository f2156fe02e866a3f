#include <ntd/proto/hmp_codec.h>

#include <ntd/base/error.h>

#include <utility>

namespace ntd::proto {

std::string hmp_command(std::string_view command) {
    if (command.find_first_of("\r\n") != command.npos)
        throw UsageError("a monitor command is one line: '{}'", command);
    return std::string(command) + "\n";
}

void HmpDecoder::feed(std::string_view bytes) {
    buffer_ += bytes;
    if (buffer_.size() <= longest_hmp_answer)
        return;
    buffer_ = {};
    throw ProtocolError("QEMU's monitor sent an answer of more than {} bytes", longest_hmp_answer);
}

std::optional<std::string> HmpDecoder::next() {
    if (!std::string_view(buffer_).ends_with(hmp_prompt))
        return std::nullopt;
    return std::exchange(buffer_, {});
}

} // namespace ntd::proto
