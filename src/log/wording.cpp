#include "wording.h"

#include <fmt/format.h>

namespace ntd::log {

std::string with_machine(std::string_view machine, std::string_view text) {
    return machine.empty() ? std::string(text) : fmt::format("{}: {}", machine, text);
}

std::string heading(ScopeKind kind, std::string_view text) {
    return kind == ScopeKind::subtest ? fmt::format("subtest: {}", text) : std::string(text);
}

std::string finished(const ScopeEnd& scope) {
    return fmt::format("(finished: {}, in {:.2f} seconds)", heading(scope.kind, scope.text),
                       scope.took.count());
}

} // namespace ntd::log
