#include "fuzz.h"

#include <ntd/proto/pcap.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ntd::proto::VdePlugDecoder decoder;
    in_pieces(data, size, [&](std::string_view piece) {
        decoder.feed(piece);
        while (const auto frame = decoder.next())
            ntd::proto::pcap_record({}, *frame);
    });
    return 0;
}
