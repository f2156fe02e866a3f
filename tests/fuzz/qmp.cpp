#include "fuzz.h"

#include <ntd/base/error.h>
#include <ntd/proto/qmp_codec.h>

namespace {

bool take_one(ntd::proto::QmpDecoder& decoder) {
    try {
        const auto message = decoder.next();
        if (message && message->kind == ntd::proto::QmpMessage::Kind::event)
            ntd::proto::qmp_caused_by_guest(*message);
        return message.has_value();
    } catch (const ntd::ProtocolError&) {
        return true;
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ntd::proto::QmpDecoder decoder;
    in_pieces(data, size, [&](std::string_view piece) {
        decoder.feed(piece);
        while (take_one(decoder)) {
        }
    });
    return 0;
}
