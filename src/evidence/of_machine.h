#pragma once

#include "findings.h"

#include <ntd/machine/machine.h>

#include <filesystem>

namespace ntd::evidence {

// Collects the evidence of one machine in `root`/machines/NAME. Waits for nothing beyond the
// deadline that can be had without it.
void collect_from(machine::Machine& machine,
                  const std::filesystem::path& root,
                  Deadline deadline,
                  Findings& findings);

} // namespace ntd::evidence
