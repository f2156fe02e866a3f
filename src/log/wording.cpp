#include "wording.h"

#include <ntd/log/open_scope.h>

#include <fmt/format.h>

#include <utility>

namespace ntd::log {

std::string with_machine(std::string_view machine, std::string_view text) {
    return machine.empty() ? std::string(text) : fmt::format("{}: {}", machine, text);
}

std::string heading(ScopeKind kind, std::string_view text) {
    return kind == ScopeKind::subtest ? fmt::format("subtest: {}", text) : std::string(text);
}

std::string described(const OpenScope& scope) {
    std::string text = scope.text;
    if (scope.looks > 0)
        text += fmt::format("; looked {} time{}", scope.looks, scope.looks == 1 ? "" : "s");
    if (!scope.saw.empty())
        text += "; " + scope.saw;
    return text;
}

std::string finished(const ScopeEnd& scope) {
    const auto [how, time] =
        scope.failure ? std::pair("failed", "after") : std::pair("finished", "in");
    return fmt::format("({}: {}, {} {:.2f} seconds)", how, heading(scope.kind, scope.text), time,
                       scope.took.count());
}

std::string skipped(const SubtestSkip& subtest) {
    return heading(ScopeKind::subtest, subtest.name) + " (skipped)";
}

} // namespace ntd::log
