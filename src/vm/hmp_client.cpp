#include <ntd/vm/hmp_client.h>

#include <ntd/base/error.h>
#include <ntd/base/text.h>

namespace ntd::vm {

HmpClient::HmpClient(std::string machine,
                     UniqueFd socket,
                     MachineProcess& process,
                     const Host& host)
    : machine_(std::move(machine)), stream_(std::move(socket)), process_(process), host_(host),
      turn_(fmt::format("the monitor of machine '{}'", machine_)) {}

std::string HmpClient::execute(std::string_view command, Deadline deadline) {
    const auto line = proto::hmp_command(command);
    const auto holder = turn_.take(deadline, host_.interrupt);
    if (!greeted_)
        read_answer("(greeting)", deadline);
    greeted_ = true;
    host_.trace_sent(channel_, line);
    const auto outcome = stream_.write_all(line, process_.exit_fd(), deadline, host_.interrupt);
    if (outcome != os::ByteStream::Outcome::data)
        process_.throw_died(fmt::format("while the monitor command '{}' was sent", command));
    return read_answer(command, deadline);
}

std::string HmpClient::wait_for_prompt(Deadline deadline) {
    const auto holder = turn_.take(deadline, host_.interrupt);
    greeted_ = true;
    return read_answer("(waiting for the prompt)", deadline);
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
        bytes.clear();
        switch (stream_.read_some(bytes, process_.exit_fd(), deadline, host_.interrupt)) {
        case os::ByteStream::Outcome::data:
            host_.trace_received(channel_, bytes);
            take(bytes, command);
            break;
        case os::ByteStream::Outcome::deadline:
            throw TimeoutError("machine '{}': the monitor did not finish its answer to '{}' until "
                               "the time-out; so far: '{}'",
                               machine_, command, printable(tail(decoder_.partial(), 500)));
        case os::ByteStream::Outcome::closed:
            if (command == "quit" || command == "q")
                return decoder_.partial();
            process_.throw_died(fmt::format("during the monitor command '{}'", command));
        }
    }
}

} // namespace ntd::vm
