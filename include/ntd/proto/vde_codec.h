#pragma once

#include <ntd/base/text.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The management console of the programs of vde2 (vde_switch, wirefilter): after each command come
// lines of text, then one "1NNN message", where 1000 is success and other numbers are 1000 plus an
// errno. In between may come a "3NNN message": something that vde_switch was asked to tell of.
namespace ntd::proto {

struct VdeReply {
    bool success = false;
    std::string text;               // the last line: "1000 Success"
    std::vector<std::string> lines; // those before; of very many, the first
};

class VdeDecoder {
public:
    void feed(std::string_view bytes) { lines_.feed(bytes); }

    // The end of a command's answer, if it is there.
    std::optional<VdeReply> next();

    // What next() has met since the last call: "3031 port/ep/+ Port 01 FD  3".
    std::vector<std::string> take_events();

private:
    LineSplitter lines_;
    VdeReply reply_;       // as far as it has come
    std::size_t size_ = 0; // of its lines, in bytes
    std::vector<std::string> events_;
};

} // namespace ntd::proto
