#pragma once

#include <ntd/base/text.h>

#include <optional>
#include <string>
#include <string_view>

// The management console of vde_switch (vde2): after each command come lines of text, then one
// "1NNN message", where 1000 is success and other numbers are 1000 plus an errno.
namespace ntd::proto {

struct VdeReply {
    bool success = false;
    std::string text; // the last line: "1000 Success"
};

class VdeDecoder {
public:
    void feed(std::string_view bytes) { lines_.feed(bytes); }

    // The end of a command's answer, if it is there.
    std::optional<VdeReply> next();

private:
    LineSplitter lines_;
};

} // namespace ntd::proto
