#pragma once

#include "options.h"

#include <functional>

namespace ntd::cli {

// --repeat and --until-fail: runs the whole test again and again. Each run has its own process, so
// that nothing is left of the run before: machines, networks, changes of the script to Python. Says
// at the end how many runs passed. Reports (JUnit, XML log) hold all runs.
//
// Returns the exit status of the first run that failed, or dies by the signal that killed that run.
// SIGINT, SIGTERM and SIGHUP end it early; it then dies by that signal. Call it before any thread
// starts.
int repeat(const Options& options, const std::function<int(const Options&)>& run_once);

} // namespace ntd::cli
