#pragma once

#include <ntd/log/event.h>

#include <string>
#include <string_view>

namespace ntd::log {

// The wording of events, the same in every format of the log.
std::string with_machine(std::string_view machine, std::string_view text);
std::string heading(ScopeKind kind, std::string_view text);
std::string finished(const ScopeEnd& scope);
std::string skipped(const SubtestSkip& subtest);

} // namespace ntd::log
