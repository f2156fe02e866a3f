#include <ntd/proto/hmp_codec.h>

#include <ntd/base/error.h>
#include <ntd/base/text.h>

#include <algorithm>
#include <utility>

namespace ntd::proto {

std::string hmp_command(std::string_view command) {
    const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7F; };
    if (std::any_of(command.begin(), command.end(), is_control))
        throw UsageError("a monitor command is one line without control characters, which QEMU's "
                         "line editor would interpret: '{}'",
                         visible(command));
    return std::string(command) + "\n";
}

std::string hmp_words(std::string_view answer) {
    if (answer.ends_with(hmp_prompt))
        answer.remove_suffix(hmp_prompt.size());
    const auto echo = answer.find('\n');
    return std::string(trim_right(answer.substr(echo == answer.npos ? answer.size() : echo + 1)));
}

std::vector<VdeCable> hmp_vde_cables(std::string_view answer) {
    std::vector<VdeCable> cables;
    std::string card;
    LineSplitter lines;
    lines.feed(hmp_words(answer) + "\n");
    while (const auto line = lines.next()) {
        // "CARD: index=0,type=nic,...", and below it its peer, " \ NAME: index=0,type=vde,..."
        const bool is_peer = line->starts_with(" \\ ");
        const auto colon = line->find(": ");
        const auto name = line->substr(0, colon).substr(is_peer ? 3 : 0);
        if (!is_peer)
            card = line->find(",type=nic,") == line->npos ? "" : name;
        constexpr std::string_view before_socket = ",type=vde,sock=";
        const auto begin = line->find(before_socket, colon);
        if (begin == line->npos)
            continue;
        auto socket = line->substr(begin + before_socket.size());
        socket = socket.substr(0, socket.rfind(",fd="));
        cables.push_back({std::string(name), std::string(socket), is_peer ? card : ""});
    }
    return cables;
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
