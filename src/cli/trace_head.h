#pragma once

#include <string>
#include <vector>

namespace ntd::cli {

// What whoever reads a trace has to know of us and of the host. Starts no programs.
void trace_head(const std::vector<std::string>& command_line);

} // namespace ntd::cli
