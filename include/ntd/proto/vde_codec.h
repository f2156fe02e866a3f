#pragma once

#include <ntd/base/text.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The management console of vde2's programs (vde_switch, wirefilter). The answer to a command is
// lines of text, then a line "1NNN message": 1000 for success, otherwise 1000 plus an errno. A line
// "3NNN message" may come in between: an event to which the client has subscribed at vde_switch.
namespace ntd::proto {

struct VdeReply {
    bool success = false;
    std::string text;               // the last line: "1000 Success"
    std::vector<std::string> lines; // the lines before it; only the first of very many
};

class VdeDecoder {
public:
    void feed(std::string_view bytes) { lines_.feed(bytes); }

    // The next complete answer, if there is one.
    std::optional<VdeReply> next();

    // The events that next() has found since the last call: "3031 port/ep/+ Port 01 FD  3".
    std::vector<std::string> take_events();

private:
    LineSplitter lines_;
    VdeReply reply_;       // incomplete
    std::size_t size_ = 0; // of reply_.lines, in bytes
    std::vector<std::string> events_;
};

} // namespace ntd::proto
