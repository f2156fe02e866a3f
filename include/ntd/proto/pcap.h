#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The file format of tcpdump and Wireshark (draft-ietf-opsawg-pcap), with nanoseconds, in the byte
// order of this machine, which readers find out.
namespace ntd::proto {

// The begin of a file of Ethernet frames.
std::string pcap_header();

std::string pcap_record(std::chrono::system_clock::time_point time, std::string_view frame);

// The stream of vde_plug(1): frames, each behind its length in two bytes, the higher one first.
class VdePlugDecoder {
public:
    void feed(std::string_view bytes) { buffer_.append(bytes); }

    // The next complete frame, if there is one.
    std::optional<std::string> next();

private:
    std::string buffer_;
};

} // namespace ntd::proto
