#include <ntd/proto/pcap.h>

namespace ntd::proto {

namespace {

template <typename... Fields>
std::string bytes_of(Fields... fields) {
    std::string bytes;
    const auto append = [&](const auto& field) {
        bytes.append(reinterpret_cast<const char*>(&field), sizeof field);
    };
    (append(fields), ...);
    return bytes;
}

} // namespace

std::string pcap_header() {
    constexpr std::uint32_t nanoseconds = 0xA1B23C4D;
    constexpr std::uint16_t major = 2;
    constexpr std::uint16_t minor = 4;
    constexpr std::uint32_t unused = 0;
    constexpr std::uint32_t longest_frame = 65535;
    constexpr std::uint32_t ethernet = 1;
    return bytes_of(nanoseconds, major, minor, unused, unused, longest_frame, ethernet);
}

std::string pcap_record(std::chrono::system_clock::time_point time, std::string_view frame) {
    using namespace std::chrono;
    const auto since_epoch = duration_cast<nanoseconds>(time.time_since_epoch());
    const auto whole = duration_cast<seconds>(since_epoch);
    const auto size = static_cast<std::uint32_t>(frame.size());
    return bytes_of(static_cast<std::uint32_t>(whole.count()),
                    static_cast<std::uint32_t>((since_epoch - whole).count()), size, size) +
           std::string(frame);
}

std::optional<std::string> VdePlugDecoder::next() {
    constexpr std::size_t head = 2;
    if (buffer_.size() < head)
        return std::nullopt;
    const auto byte = [this](std::size_t i) { return static_cast<unsigned char>(buffer_[i]); };
    const std::size_t size = byte(0) * 256U + byte(1);
    if (buffer_.size() < head + size)
        return std::nullopt;
    auto frame = buffer_.substr(head, size);
    buffer_.erase(0, head + size);
    return frame;
}

} // namespace ntd::proto
