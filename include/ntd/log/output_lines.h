#pragma once

#include <ntd/base/text.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace ntd::log {

// Splits the output of commands into lines. It arrives in pieces of any size and from several
// machines at once. Not thread-safe: the sink that owns it must lock.
class OutputLines {
public:
    using Show = std::function<void(std::string_view machine, std::string_view line)>;

    explicit OutputLines(Show show) : show_(std::move(show)) {}

    void add(const std::string& machine, std::string_view piece);

    // Shows the incomplete line of the machine, when a step of that machine begins or ends. An
    // empty name (a step of no machine, such as a subtest) shows those of all machines.
    void end(const std::string& machine);
    void end_all();

private:
    void show_rest(const std::string& machine, LineSplitter& lines);

    Show show_;
    std::map<std::string, LineSplitter> lines_of_;
};

} // namespace ntd::log
