#include <ntd/log/output_lines.h>

namespace ntd::log {

void OutputLines::add(const std::string& machine, std::string_view piece) {
    LineSplitter& lines = lines_of_[machine];
    lines.feed(piece);
    while (const auto line = lines.next())
        show_(machine, *line);
}

void OutputLines::end(const std::string& machine) {
    if (machine.empty())
        return end_all();
    if (const auto found = lines_of_.find(machine); found != lines_of_.end())
        show_rest(machine, found->second);
}

void OutputLines::end_all() {
    for (auto& [machine, lines] : lines_of_)
        show_rest(machine, lines);
}

void OutputLines::show_rest(const std::string& machine, LineSplitter& lines) {
    if (const std::string rest = lines.take_rest(); !rest.empty())
        show_(machine, rest);
}

} // namespace ntd::log
