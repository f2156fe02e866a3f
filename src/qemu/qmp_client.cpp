#include <ntd/qemu/qmp_client.h>

#include <ntd/base/scope_exit.h>
#include <ntd/os/unix_socket.h>
#include <ntd/os/wait.h>
#include <ntd/trace/trace.h>

namespace ntd::qemu {

namespace {

// Limits for stored events, in number and bytes: a script may never read them.
constexpr std::size_t most_events = 10'000;
constexpr std::size_t most_bytes_of_events = std::size_t{16} << 20;

constexpr auto last_words_limit = std::chrono::milliseconds(500);

} // namespace

QmpClient::QmpClient(const std::string& path,
                     int exit_fd,
                     const machine::Host& host,
                     OnEvent on_event,
                     Deadline deadline)
    : host_(host), on_event_(std::move(on_event)), exit_fd_(exit_fd),
      channel_(os::ByteStream(os::connect_unix(path))) {
    watch_ = host_.loop.watch(channel_.fd(), [this] { return on_readable(); });
    if (!wait_until([](const State& state) { return state.greeted; }, deadline))
        throw TimeoutError("QMP: no greeting on '{}' until the time-out", path);
    send("qmp_capabilities", "", deadline);
}

bool QmpClient::on_readable() {
    std::string bytes;
    const auto outcome = channel_.stream().read_ready(bytes);
    std::optional<std::string> broken;
    try {
        trace::received("QMP", bytes);
        decoder_.feed(bytes);
        while (auto message = decoder_.next())
            take(std::move(*message));
    } catch (const ProtocolError& error) {
        broken = error.what();
    }
    if (outcome == os::ByteStream::Outcome::closed && !broken)
        broken = "QMP: QEMU closed the connection";
    const bool goes_on = !broken;
    if (broken)
        state_.with([&](State& state) { state.broken = std::move(broken); });
    changed_.notify();
    return goes_on; // after an invalid message, the rest of the stream is unusable
}

void QmpClient::take(proto::QmpMessage message) {
    using Kind = proto::QmpMessage::Kind;
    if (message.kind == Kind::event)
        on_event_(message);
    state_.with([&](State& state) {
        if (message.kind == Kind::greeting)
            state.greeted = true;
        else if (message.kind == Kind::event)
            state.add_event(std::move(message.json));
        else if (const auto asked = state.answers.find(message.id.value_or(0));
                 asked != state.answers.end())
            asked->second = std::move(message);
    });
}

void QmpClient::State::add_event(std::string json) {
    bytes_of_events += json.size();
    events.push_back(std::move(json));
    while (events.size() > most_events || bytes_of_events > most_bytes_of_events)
        take_event();
}

std::string QmpClient::State::take_event() {
    auto event = std::move(events.front());
    events.pop_front();
    bytes_of_events -= event.size();
    return event;
}

bool QmpClient::wait_until(const std::function<bool(State&)>& look, Deadline deadline) {
    os::Broadcast::Listener changed(changed_);
    bool ended = false;
    for (;;) {
        changed.reset();
        std::optional<std::string> broken;
        const bool found = state_.with([&](State& state) {
            broken = state.broken;
            return look(state);
        });
        if (found)
            return true;
        if (broken)
            throw MachineError("{}", *broken);
        // After the process has ended, its last output may still be in the socket.
        const auto ready = os::wait_readable(
            {changed.fd(), ended ? -1 : exit_fd_},
            ended ? sooner(deadline, Deadline::after(last_words_limit)) : deadline,
            host_.interrupt);
        if (!ready && ended)
            throw MachineError("QMP: QEMU has ended");
        if (!ready)
            return false;
        ended = ended || *ready == 1;
    }
}

std::string
QmpClient::send(std::string_view command, std::string_view arguments, Deadline deadline) {
    const auto id = last_id_.with([](std::int64_t& last) { return ++last; });
    const auto line = proto::qmp_command(command, arguments, id);
    state_.with([&](State& state) { state.answers.try_emplace(id); });
    const ScopeExit forget([&] { state_.with([&](State& state) { state.answers.erase(id); }); });
    hand_over(line, command, deadline);
    proto::QmpMessage answer;
    const auto look = [&](State& state) {
        auto& slot = state.answers.at(id);
        if (slot)
            answer = std::move(*slot);
        return slot.has_value();
    };
    if (!wait_until(look, deadline))
        machine::throw_timed_out("QMP: no answer to '{}' until the time-out", command);
    if (answer.kind == proto::QmpMessage::Kind::error)
        throw QmpError(answer.error_class, answer.error_description);
    return answer.json;
}

void QmpClient::hand_over(std::string_view line, std::string_view command, Deadline deadline) {
    const auto turn = sending_.take(deadline, host_.interrupt);
    trace::sent("QMP", line);
    switch (channel_.send(line, {deadline, host_.interrupt, {exit_fd_, -1, -1}})) {
    case os::Channel::Outcome::done:
        return;
    case os::Channel::Outcome::deadline:
        machine::throw_timed_out("QMP: QEMU did not take the command '{}' until the time-out",
                                 command);
    case os::Channel::Outcome::closed:
    case os::Channel::Outcome::ended:
        throw MachineError("QMP: the connection ended while '{}' was sent", command);
    }
}

std::optional<std::string> QmpClient::next_event(Deadline deadline) {
    std::optional<std::string> event;
    wait_until(
        [&](State& state) {
            if (state.events.empty())
                return false;
            event = state.take_event();
            return true;
        },
        deadline);
    return event;
}

} // namespace ntd::qemu
