#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The pcap file format of tcpdump and Wireshark (draft-ietf-opsawg-pcap), with nanoseconds. Uses
// the host's byte order, which readers detect.
namespace ntd::proto {

// The header of a file of Ethernet frames.
std::string pcap_header();

std::string pcap_record(std::chrono::system_clock::time_point time, std::string_view frame);

// Decodes the output of vde_plug(1): frames, each preceded by its length in two bytes, big-endian.
class VdePlugDecoder {
public:
    void feed(std::string_view bytes) { buffer_.append(bytes); }

    // The next complete frame, if there is one.
    std::optional<std::string> next();

private:
    std::string buffer_;
};

} // namespace ntd::proto
