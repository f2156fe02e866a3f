#pragma once

#include "pictures.h"
#include "story.h"

#include <ntd/report/report.h>

#include <filesystem>
#include <string>

namespace ntd::report {

// The top of the page: what failed and why, how to try again, and what the machines looked like at
// the end. Links are relative to `directory`.
std::string verdict(const Story& story,
                    const Outcome& outcome,
                    const Step* culprit,
                    Pictures& pictures,
                    const std::filesystem::path& directory);

} // namespace ntd::report
