#include "fuzz.h"

#include <ntd/proto/hmp_codec.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ntd::proto::HmpDecoder decoder;
    in_pieces(data, size, [&](std::string_view piece) {
        decoder.feed(piece);
        while (decoder.next()) {
        }
    });
    return 0;
}
