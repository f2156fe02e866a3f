#pragma once

#include "options.h"

#include <functional>

namespace ntd::cli {

// --repeat and --until-fail: the whole test again and again, each time in a process of its own, so
// that nothing is left of the run before: machines, networks, what the script did to Python. Says
// at the end how many runs passed. Reports (JUnit, XML log) hold all runs.
//
// Returns the exit status of the first run that failed, or dies by the signal that it died by. Ends
// early on SIGINT, SIGTERM and SIGHUP, by which it dies then, too. Call it before any thread is
// started.
int repeat(const Options& options, const std::function<int(const Options&)>& run_once);

} // namespace ntd::cli
