#include <ntd/driver/status.h>

#include <ntd/base/text.h>

#include <fmt/format.h>

namespace ntd::driver {

namespace {

std::string described_with_place(const log::OpenScope& scope) {
    const machine::Seconds lasted = std::chrono::steady_clock::now() - scope.begin;
    return fmt::format(
        "{}{}{} (for {:.1f} s)", scope.line == 0 ? "" : fmt::format("line {}: ", scope.line),
        scope.machine.empty() ? "" : scope.machine + ": ", log::described(scope), lasted.count());
}

} // namespace

void Status::add(machine::Machine& machine) {
    machines_.with([&](auto& machines) { machines.push_back(&machine); });
}

void Status::remove(const machine::Machine& machine) {
    machines_.with([&](auto& machines) { std::erase(machines, &machine); });
}

void Status::set_places(std::function<std::string()> places) {
    places_.with([&](auto& now) { now = std::move(places); });
}

std::string Status::text() const {
    std::vector<std::string> lines;
    for (const auto& scope : log_.open_scopes())
        lines.push_back(described_with_place(scope));
    if (const auto places = places_.copy())
        if (auto text = places(); !text.empty())
            lines.push_back(std::move(text));
    machines_.with([&](const auto& machines) {
        for (auto* machine : machines)
            lines.push_back(fmt::format("machine '{}': {}", machine->name(), machine->situation()));
    });
    return join(lines, "\n");
}

} // namespace ntd::driver
