#pragma once

#include "story.h"

#include <string>

namespace ntd::report {

// The time line: a lane for the test itself and one for each machine, as SVG whose bars link to
// their steps.
std::string timeline(const Story& story, const Step* marked);

} // namespace ntd::report
