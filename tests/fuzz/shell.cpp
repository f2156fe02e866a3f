#include "fuzz.h"

#include <ntd/base/error.h>
#include <ntd/proto/shell_codec.h>
#include <ntd/proto/shell_decoder.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ntd::proto::ShellDecoder decoder("ntd-0"); // a guest sees the real one
    try {
        in_pieces(data, size, [&](std::string_view piece) {
            decoder.feed(piece);
            decoder.take_output();
            decoder.take_holders();
            if (decoder.held_back() > size)
                __builtin_trap();
        });
    } catch (const ntd::ProtocolError&) {
    }
    return 0;
}
