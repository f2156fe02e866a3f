#include <ntd/network/vde_console.h>

#include <ntd/base/error.h>
#include <ntd/os/wait.h>
#include <ntd/trace/trace.h>

#include <utility>

namespace ntd::network {

namespace {

using namespace std::chrono_literals;

constexpr auto answer_limit = 30s;

} // namespace

VdeConsole::VdeConsole(std::string what,
                       const os::ProcessSpec& spec,
                       const machine::Host& host,
                       OnEvent on_event)
    : host_(host), on_event_(std::move(on_event)), turn_(what),
      process_(std::move(what), spec, host, [this](std::string_view bytes) { on_output(bytes); }) {}

void VdeConsole::on_output(std::string_view bytes) {
    decoder_.feed(bytes);
    while (auto reply = decoder_.next()) {
        state_.with([&](State& state) {
            ++state.answers;
            state.reply = std::move(*reply);
        });
        changed_.notify();
    }
    for (const auto& event : decoder_.take_events())
        if (on_event_)
            on_event_(event);
}

proto::VdeReply VdeConsole::ask(std::string_view command) {
    const auto deadline = machine::deadline_of(answer_limit);
    const auto turn = turn_.take(deadline, host_.interrupt);
    // An interrupted command may have no answer yet. Wait for that first: the programs take all
    // that they read at once as one command.
    wait_for_answers(command, deadline);
    ++commands_;
    process_.input().send(fmt::format("{}\n", command),
                          {deadline, host_.interrupt, {process_.exit_fd(), -1, -1}});
    wait_for_answers(command, deadline);
    trace::debug(trace::Category::network, "{}: '{}' is answered", process_.what(), command);
    return state_.copy().reply;
}

void VdeConsole::wait_for_answers(std::string_view command, Deadline deadline) {
    os::Broadcast::Listener changed(changed_);
    while (state_.copy().answers < commands_) {
        process_.check();
        if (!os::wait_readable({changed.fd(), process_.exit_fd()}, deadline, host_.interrupt)) {
            machine::WaitLimit::note_deadline_reached();
            throw MachineError("{} did not answer the command '{}' within {} seconds",
                               process_.what(), command,
                               std::chrono::seconds(answer_limit).count());
        }
        changed.reset();
    }
}

proto::VdeReply VdeConsole::command(std::string_view command) {
    auto reply = ask(command);
    if (!reply.success)
        throw MachineError("{} refused the command '{}': {}", process_.what(), command, reply.text);
    return reply;
}

} // namespace ntd::network
