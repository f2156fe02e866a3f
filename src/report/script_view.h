#pragma once

#include "story.h"

#include <string>

namespace ntd::report {

// The script with numbers of lines, which link to their steps, and the time that each line took.
std::string script_view(const Story& story, int failing_line);

// The lines around the one that failed. Empty if the script does not have that line.
std::string script_excerpt(const Story& story, int failing_line);

} // namespace ntd::report
