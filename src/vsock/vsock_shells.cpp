#include <ntd/vsock/vsock_shells.h>

#include <ntd/base/error.h>
#include <ntd/os/vsock_mux.h>
#include <ntd/proto/shell_codec.h>
#include <ntd/trace/trace.h>

#include <algorithm>

namespace ntd::vsock {

namespace {

using namespace std::chrono_literals;

// The guest's kernel answers once its vsock driver is loaded. A guest without the driver never
// answers.
constexpr auto kernel_limit = 5s;

// A slow guest under load takes a while to start a process.
constexpr auto open_limit = 60s;

} // namespace

bool VsockShells::are_offered() {
    const auto limit = host_.backdoor == machine::Backdoor::vsock ? open_limit : kernel_limit;
    try {
        give_back(open(Deadline::after(limit)));
        return true;
    } catch (const MachineDied&) {
        throw;
    } catch (const Error& error) {
        do_without(error.what());
        return false;
    }
}

void VsockShells::do_without(const char* why) const {
    trace::info(trace::Category::vsock, "{}: no shell over the vsock: {}", machine_, why);
    if (host_.backdoor == machine::Backdoor::vsock)
        throw MachineError(
            "machine '{}': --backdoor vsock was asked for, but the guest has no root "
            "shell for it: {}",
            machine_, why);
    host_.log.line(machine_, log::Level::debug,
                   fmt::format("commands go over the virtconsole, not the vsock: {}", why));
}

std::optional<machine::ExecResult> VsockShells::with_shell(Deadline deadline, const Use& use) {
    try {
        auto shell = take_idle();
        trace::debug(trace::Category::vsock, "{}: {} shell is taken", machine_,
                     shell ? "an idle" : "a new");
        if (!shell)
            shell = open(sooner(deadline, Deadline::after(open_limit)));
        auto result = use(*shell);
        give_back(std::move(shell));
        return result;
    } catch (const MachineDied&) {
        throw;
    } catch (const MachineError&) {
        vsock_->check();
        throw;
    } catch (const SystemError& error) {
        if (error.code() != ECONNREFUSED)
            throw;
        do_without(error.what());
        return std::nullopt;
    }
}

VsockShells::Shell VsockShells::take_idle() {
    for (;;) {
        auto shell = state_.with([](State& state) -> Shell {
            if (state.idle.empty())
                return nullptr;
            auto last = std::move(state.idle.back());
            state.idle.pop_back();
            return last;
        });
        if (!shell || shell->is_idle())
            return shell;
    }
}

VsockShells::Shell VsockShells::open(Deadline deadline) {
    auto shell =
        std::make_shared<machine::GuestShell>(machine_, os::ByteStream(connect(deadline)), process_,
                                              host_, machine::GuestShell::Transport::vsock);
    state_.with([&](State& state) {
        std::erase_if(state.all, [](const auto& known) { return known.expired(); });
        state.all.push_back(shell);
    });
    check_reset(); // a later reset() finds the shell
    shell->set_up();
    trace::info(trace::Category::vsock, "{}: a shell is open", machine_);
    return shell;
}

UniqueFd VsockShells::connect(Deadline deadline) {
    const os::Broadcast::Listener reset_heard(resets_);
    check_reset();
    vsock_->check();
    try {
        return os::connect_vsock_mux(
            vsock_->sockets().at(machine_).host.string(), proto::shell_vsock_port,
            {process_.exit_fd(), reset_heard.fd()}, deadline, host_.interrupt);
    } catch (const SystemError&) {
        process_.check_ending("while a root shell was opened over its vsock");
        check_reset();
        throw;
    }
}

void VsockShells::check_reset() const {
    if (state_.with([](const State& state) { return state.was_reset; }))
        throw MachineError("machine '{}': the guest was reset while a root shell was opened over "
                           "its vsock",
                           machine_);
}

void VsockShells::give_back(Shell shell) {
    state_.with([&](State& state) { state.idle.push_back(std::move(shell)); });
}

void VsockShells::reset() noexcept {
    trace::info(trace::Category::vsock, "{}: reset", machine_);
    state_.with([](State& state) {
        state.was_reset = true;
        for (const auto& known : state.all) {
            if (auto shell = known.lock()) {
                shell->reset();
                state.kept.push_back(std::move(shell));
            }
        }
    });
    resets_.notify();
}

} // namespace ntd::vsock
