#pragma once

#include <ntd/base/text.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace ntd::log {

// Makes lines of what commands write: in pieces of any size, on several machines at once. For
// sinks, which own it and keep it from being used by two threads.
class OutputLines {
public:
    using Show = std::function<void(std::string_view machine, std::string_view line)>;

    explicit OutputLines(Show show) : show_(std::move(show)) {}

    void add(const std::string& machine, std::string_view piece);

    // Shows what has no line end yet: none will come when a step of the machine begins or ends. One
    // of no machine, such as a subtest, counts for all.
    void end(const std::string& machine);
    void end_all();

private:
    void show_rest(const std::string& machine, LineSplitter& lines);

    Show show_;
    std::map<std::string, LineSplitter> lines_of_;
};

} // namespace ntd::log
