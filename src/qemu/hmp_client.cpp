#include <ntd/qemu/hmp_client.h>

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/trace/trace.h>

namespace ntd::qemu {

HmpClient::HmpClient(std::string machine,
                     UniqueFd socket,
                     machine::MachineProcess& process,
                     const machine::Host& host)
    : machine_(std::move(machine)), channel_(os::ByteStream(std::move(socket))), process_(process),
      host_(host), turn_(fmt::format("the monitor of machine '{}'", machine_)) {}

std::string HmpClient::execute(std::string_view command, Deadline deadline) {
    const auto line = proto::hmp_command(command);
    const auto holder = turn_.take(deadline, host_.interrupt);
    recover(deadline);
    is_behind_ = true;
    send(line, command, deadline);
    auto answer = read_answer(command, deadline);
    is_behind_ = false;
    return answer;
}

std::string HmpClient::wait_for_prompt(Deadline deadline) {
    const auto holder = turn_.take(deadline, host_.interrupt);
    is_greeted_ = true;
    return read_answer("(waiting for the prompt)", deadline);
}

// Skips the answers to calls that timed out. Asks QEMU to print a unique number, then reads until
// an answer is just that number.
void HmpClient::recover(Deadline deadline) {
    if (!is_greeted_)
        read_answer("(greeting)", deadline);
    is_greeted_ = true;
    if (!is_behind_)
        return;
    const auto number = std::to_string(++last_number_);
    const auto question = fmt::format("print /d {}", number);
    send(proto::hmp_command(question), question, deadline);
    const auto answer = fmt::format("\n{}\r\n", number);
    while (read_answer(question, deadline).find(answer) == std::string::npos) {
    }
    is_behind_ = false;
}

void HmpClient::send(std::string_view line, std::string_view command, Deadline deadline) {
    trace::sent(trace_name_, line);
    switch (channel_.send(line, ends(deadline))) {
    case os::Channel::Outcome::done:
        return;
    case os::Channel::Outcome::deadline:
        machine::throw_timed_out(
            "machine '{}': the monitor did not take the command '{}' until the "
            "time-out",
            machine_, command);
    case os::Channel::Outcome::closed:
    case os::Channel::Outcome::ended:
        process_.throw_died(fmt::format("while the monitor command '{}' was sent", command));
    }
}

void HmpClient::take(std::string_view bytes, std::string_view command) {
    try {
        decoder_.feed(bytes);
    } catch (const ProtocolError& error) {
        throw MachineError("machine '{}': {} to '{}'", machine_, error.what(), command);
    }
}

std::string HmpClient::read_answer(std::string_view command, Deadline deadline) {
    std::string bytes;
    for (;;) {
        if (auto answer = decoder_.next())
            return *answer;
        if (deadline.passed()) // checked here too, because QEMU may write without end
            machine::throw_timed_out(
                "machine '{}': the monitor did not finish its answer to '{}' until "
                "the time-out; so far: '{}'",
                machine_, command, printable(tail(decoder_.partial(), 500)));
        bytes.clear();
        switch (channel_.receive(bytes, ends(deadline))) {
        case os::Channel::Outcome::done:
            trace::received(trace_name_, bytes);
            take(bytes, command);
            break;
        case os::Channel::Outcome::deadline:
            break;
        case os::Channel::Outcome::closed:
        case os::Channel::Outcome::ended:
            if (command == "quit" || command == "q")
                return decoder_.partial();
            process_.throw_died(fmt::format("during the monitor command '{}'", command));
        }
    }
}

os::Ends HmpClient::ends(Deadline deadline) const {
    return {deadline, host_.interrupt, {process_.exit_fd(), -1, -1}};
}

} // namespace ntd::qemu
