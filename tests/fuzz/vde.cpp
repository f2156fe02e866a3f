#include "fuzz.h"

#include <ntd/base/error.h>
#include <ntd/proto/vde_codec.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ntd::proto::VdeDecoder decoder;
    try {
        in_pieces(data, size, [&](std::string_view piece) {
            decoder.feed(piece);
            while (decoder.next()) {
            }
            decoder.take_events();
        });
    } catch (const ntd::ProtocolError&) {
    }
    return 0;
}
