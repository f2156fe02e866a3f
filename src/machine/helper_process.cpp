#include <ntd/machine/helper_process.h>

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/os/wait.h>

#include <utility>

namespace ntd::machine {

namespace {

using namespace std::chrono_literals;

} // namespace

HelperProcess::HelperProcess(
    std::string what, const os::ProcessSpec& spec, const Host& host, OnOutput on_output, End end)
    : what_(std::move(what)), host_(host), on_output_(std::move(on_output)),
      process_(spec, host.guard),
      stdout_(os::ByteStream::nonblocking(std::move(process_.stdout_pipe))),
      stderr_(os::ByteStream::nonblocking(std::move(process_.stderr_pipe))),
      state_(State{.end = end}) {
    if (spec.pipe_stdin)
        stdin_ = os::Channel(os::ByteStream::nonblocking(std::move(process_.stdin_pipe)));
    stdout_watch_ =
        host_.loop.watch(stdout_.fd(), [this] { return on_readable(stdout_, on_output_); });
    stderr_watch_ = host_.loop.watch(stderr_.fd(), [this] { return on_readable(stderr_, {}); });
    exit_watch_ = host_.loop.watch(exit_fd(), [this] { return on_exit(); });
}

HelperProcess::~HelperProcess() {
    stop();
}

bool HelperProcess::on_readable(os::ByteStream& stream, const OnOutput& on_output) {
    constexpr std::size_t most_text = 2000;
    std::string bytes;
    const bool closed = stream.read_ready(bytes) == os::ByteStream::Outcome::closed;
    if (on_output)
        on_output(bytes);
    else
        state_.with([&](State& state) { state.text = tail(state.text + bytes, most_text); });
    return !closed;
}

// The rest of its output is still in the pipes, and belongs to the error message.
bool HelperProcess::on_exit() {
    on_readable(stdout_, on_output_);
    on_readable(stderr_, {});
    tell_of_end([](State& state) { state.ended = true; });
    changed_.notify();
    return false;
}

// Changes the state, then reports the end if that is due. Reports it once.
void HelperProcess::tell_of_end(const std::function<void(State&)>& change) {
    const bool is_to_be_told = state_.with([&](State& state) {
        change(state);
        const bool unasked = state.ended && state.end == End::in_the_log && !state.stopping;
        return unasked && !std::exchange(state.told, true);
    });
    if (is_to_be_told)
        host_.log.error(how_it_ended());
}

void HelperProcess::leave_end_to_log() {
    tell_of_end([](State& state) { state.end = End::in_the_log; });
}

std::string HelperProcess::how_it_ended() {
    const auto status = process_.poll();
    const auto text = printable(trim_right(state_.copy().text));
    return fmt::format("{} (pid {}) {}; {}{}", what_, pid(),
                       status ? status->describe() : "has ended",
                       text.empty() ? "it said nothing" : "its last words were: ", text);
}

void HelperProcess::check() {
    if (!process_.poll())
        return;
    os::Broadcast::Listener changed(changed_);
    const auto deadline = Deadline::after(2s);
    while (!state_.copy().ended && os::wait_readable({changed.fd()}, deadline, host_.interrupt))
        changed.reset();
    throw MachineError("{}", how_it_ended());
}

void HelperProcess::stop() noexcept {
    state_.with([](State& state) { state.stopping = true; });
    if (!process_.poll())
        process_.end(Deadline::after(3s));
}

void HelperProcess::stop_and_read() noexcept {
    stop();
    exit_watch_.reset(); // no callback reads from here on
    stdout_watch_.reset();
    on_readable(stdout_, on_output_);
}

} // namespace ntd::machine
