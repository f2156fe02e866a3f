#include <ntd/machine/machine_process.h>

#include <ntd/base/error.h>
#include <ntd/base/forks.h>
#include <ntd/os/syscall.h>
#include <ntd/os/wait.h>
#include <ntd/trace/trace.h>

#include <poll.h>
#include <unistd.h>

#include <csignal>

namespace ntd::machine {

namespace {

using namespace std::chrono_literals;

} // namespace

MachineProcess::MachineProcess(const os::ProcessSpec& spec,
                               std::string machine,
                               std::string_view program,
                               ConsoleLog& console,
                               const Host& host)
    : machine_(std::move(machine)), program_(program), console_(console), host_(host),
      child_(spec, host.guard), stdin_(os::ByteStream::nonblocking(std::move(child_.stdin_pipe))),
      stdout_(os::ByteStream::nonblocking(std::move(child_.stdout_pipe))),
      stderr_(os::ByteStream::nonblocking(std::move(child_.stderr_pipe))),
      serial_lines_(machine_, console, host) {
    belongings_.with([&](os::ProcessSet& belongings) { belongings.add_group(child_.pid()); });
    stdout_watch_ = host_.loop.watch(stdout_.fd(), [this] { return on_serial(); });
    stderr_watch_ = host_.loop.watch(stderr_.fd(), [this] { return on_stderr(); });
}

MachineProcess::~MachineProcess() {
    signal(SIGKILL);
    const auto belongings = belongings_.copy();
    for (const auto& peer : belongings.processes())
        host_.guard.forget_process(*peer);
}

void MachineProcess::adopt_peer(int connection) {
    auto peer = os::peer_of(connection);
    if (peer.has_ended() || peer.pid() == child_.pid() || peer.is_older_than(child_.pid()))
        return;
    trace::info(trace::Category::machine, "{}: process {} belongs to it, too", machine_,
                peer.pid());
    host_.guard.add_process(peer);
    belongings_.with([&](os::ProcessSet& belongings) { belongings.add(std::move(peer)); });
}

bool MachineProcess::on_serial() {
    std::string bytes;
    const auto outcome = stdout_.read_ready(bytes);
    const bool is_open = outcome != os::ByteStream::Outcome::closed;
    tap_.with([&](UniqueFd& tap) {
        if (tap)
            (void)!::write(tap.get(), bytes.data(), bytes.size());
        if (!is_open)
            tap.reset();
    });
    serial_lines_.feed(bytes);
    if (!is_open)
        serial_lines_.finish();
    return go_on(is_open);
}

bool MachineProcess::on_stderr() {
    std::string bytes;
    const auto outcome = stderr_.read_ready(bytes);
    const bool is_open = outcome != os::ByteStream::Outcome::closed;
    const auto take = [&](std::string_view line) {
        console_.add_stderr(line);
        if (is_asked_to_end_ && line.find("terminating on signal 15 from pid") != line.npos)
            return; // QEMU's word about our own SIGTERM: it looks like a reason, but is none
        host_.log.line(machine_, log::Level::info, fmt::format("stderr: {}", printable(line)));
    };
    stderr_lines_.feed(bytes);
    while (const auto line = stderr_lines_.next())
        take(*line);
    if (!is_open)
        if (const auto rest = stderr_lines_.take_rest(); !rest.empty())
            take(rest);
    return go_on(is_open);
}

// After a read from a stream. Returns whether to keep watching it.
bool MachineProcess::go_on(bool is_open) {
    host_.log.drain();
    if (!is_open && --open_streams_ == 0)
        console_.close();
    return is_open;
}

void MachineProcess::wait_for_last_output() {
    wait_until_closed(host_.interrupt);
}

void MachineProcess::wait_until_closed(os::Interrupt& interrupt) {
    os::Broadcast::Listener changed(console_.changed());
    const auto deadline = Deadline::after(500ms);
    while (!console_.closed() && os::wait_readable({changed.fd()}, deadline, interrupt).has_value())
        changed.reset();
}

void MachineProcess::throw_died(std::string_view doing) {
    wait_for_last_output();
    const auto status = child_.wait(Deadline::after(10s), host_.interrupt);
    const auto how = status ? status->describe() : "closed its connections, but still runs,";
    const auto dead_end = console_.dead_end(); // more than the last lines may have followed
    throw MachineDied(
        "machine '{}': {} (pid {}) {} {}{}; {}", machine_, program_, child_.pid(), how, doing,
        dead_end ? fmt::format("; the guest had said: {}", *dead_end) : "", console_.last_output());
}

void MachineProcess::check_ending(std::string_view doing) {
    if (child_.wait(Deadline::after(500ms), host_.interrupt))
        throw_died(doing);
}

bool MachineProcess::wait_for(int fd, Deadline deadline, std::string_view doing) {
    const auto ready = os::wait_readable({fd, exit_fd()}, deadline, host_.interrupt);
    if (ready == 1U)
        throw_died(doing);
    return ready.has_value();
}

void MachineProcess::wait_for_end(Seconds most) noexcept {
    const auto deadline = Deadline::after(most);
    pollfd ended{exit_fd(), POLLIN, 0};
    os::retry_eintr([&] { return ::poll(&ended, 1, deadline.left_ms()); });
}

bool MachineProcess::has_ended() {
    return child_.poll() && belongings_.copy().processes_have_ended();
}

void MachineProcess::signal(int number) noexcept {
    if (is_fork())
        return;
    if (number == SIGTERM)
        is_asked_to_end_ = true;
    belongings_.with([&](os::ProcessSet& belongings) { belongings.signal(number); });
}

void MachineProcess::stop() noexcept {
    const auto deadline = Deadline::after(3s);
    signal(SIGTERM);
    belongings_.copy().wait_for_ends(deadline);
    // The child may be a shell that started QEMU and ends at once. QEMU may still have disks to
    // write and sockets to remove. It has ended when nobody holds the pipe any more.
    pollfd silent{stdout_.fd(), 0, 0};
    os::retry_eintr([&] { return ::poll(&silent, 1, deadline.left_ms()); });
    signal(SIGKILL);
    try {
        os::Interrupt nobody;
        wait_until_closed(nobody);
    } catch (const Error&) { // no file descriptor is left for the wait
    }
}

void MachineProcess::tap_console(UniqueFd fd) {
    if (fd)
        os::set_nonblocking(fd.get());
    tap_.with([&](UniqueFd& tap) { tap = std::move(fd); });
}

void MachineProcess::write_console(std::string_view bytes, Deadline deadline) {
    switch (stdin_.write_all(bytes, exit_fd(), deadline, host_.interrupt)) {
    case os::ByteStream::Outcome::data:
        return;
    case os::ByteStream::Outcome::closed:
        throw_died("while text was sent to its serial console");
    case os::ByteStream::Outcome::deadline:
        throw_timed_out("machine '{}': the serial console took no more text until the time-out",
                        machine_);
    }
}

} // namespace ntd::machine
