#include <ntd/driver/progress.h>

#include <cmath>
#include <utility>

namespace ntd::driver {

namespace {

using namespace std::chrono_literals;

constexpr auto interval = 1s; // between looks

} // namespace

std::optional<machine::Seconds> progress_due(machine::Seconds age, machine::Seconds said) {
    machine::Seconds latest = 0s;
    for (const machine::Seconds first : {10s, 30s})
        if (age >= first)
            latest = first;
    if (age >= 60s)
        latest = machine::Seconds(60 * std::floor(age / 60s));
    return latest > said ? std::optional(latest) : std::nullopt;
}

Progress::Progress(log::Log& log, os::EventLoop& loop) : log_(log), loop_(loop) {
    look_later();
}

void Progress::look_later() {
    timer_ = loop_.at(Deadline::after(interval), [this] { look(); });
}

void Progress::look() {
    std::map<std::uint64_t, machine::Seconds> said;
    for (const auto& scope : log_.open_scopes()) {
        if (scope.machine.empty())
            continue;
        const auto before = said_.find(scope.id);
        auto& last = said[scope.id] = before == said_.end() ? machine::Seconds(0) : before->second;
        const machine::Seconds age = std::chrono::steady_clock::now() - scope.begin;
        if (const auto due = progress_due(age, last)) {
            last = *due;
            log_.line(scope.machine, log::Level::info,
                      fmt::format("(for {:.0f} seconds: {})", due->count(), described(scope)));
        }
    }
    said_ = std::move(said);
    look_later();
}

} // namespace ntd::driver
