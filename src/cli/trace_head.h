#pragma once

#include <string>
#include <vector>

namespace ntd::cli {

// Traces facts about the driver and the host that readers of a trace need. Starts no programs.
void trace_head(const std::vector<std::string>& command_line);

} // namespace ntd::cli
