#include <ntd/machine/patience.h>

#include <ntd/base/error.h>
#include <ntd/trace/trace.h>

#include <utility>

namespace ntd::machine {

namespace {

using namespace std::chrono_literals;

// Enough for an idle shell in a slow and busy guest to answer.
constexpr Seconds doubt_limit = 2s;

// When to warn, as a fraction of Host::silence.
constexpr double warning_after = 0.2;

} // namespace

Patience::Patience(std::string machine,
                   std::string command,
                   MachineProcess& process,
                   const Host& host)
    : machine_(std::move(machine)), command_(std::move(command)), process_(process), host_(host) {}

void Patience::heard() noexcept {
    heard_ = Clock::now();
    warned_ = false;
    doubt_.reset();
}

void Patience::doubt(std::string why) {
    if (!doubt_) {
        doubted_since_ = Clock::now();
        trace::debug(trace::Category::machine, "{}: the shell may be gone: {}", machine_, why);
    }
    doubt_ = std::move(why);
}

Deadline Patience::next() const {
    const Seconds silence = Clock::now() - heard_;
    const Seconds limit = warned_ ? host_.silence : warning_after * host_.silence;
    const auto of_silence = Deadline::after(limit - silence);
    if (!doubt_)
        return of_silence;
    const Seconds doubted = Clock::now() - doubted_since_;
    return sooner(of_silence, Deadline::after(doubt_limit - doubted));
}

void Patience::check() {
    const auto now = Clock::now();
    if (doubt_ && now - doubted_since_ >= doubt_limit)
        throw ShellEnded("machine '{}': the guest's root shell does not answer any more while "
                         "running the command `{}`: {}\n{}",
                         machine_, command_, *doubt_, process_.console().last_output());
    const Seconds silence = now - heard_;
    if (silence >= host_.silence)
        throw MachineError("machine '{}': the guest's root shell has not answered for {:.0f} "
                           "seconds while running the command `{}`; {}",
                           machine_, silence.count(), command_, process_.console().last_output());
    if (warned_ || silence < warning_after * host_.silence)
        return;
    warned_ = true;
    host_.log.line(machine_, log::Level::warning,
                   fmt::format("the guest's root shell has not answered for {:.0f} seconds while "
                               "running the command `{}`; waiting up to {:g} seconds",
                               silence.count(), command_, host_.silence.count()));
}

} // namespace ntd::machine
