#include <ntd/vm/machine_process.h>

#include <ntd/base/error.h>
#include <ntd/os/syscall.h>
#include <ntd/os/wait.h>

#include <poll.h>
#include <unistd.h>

#include <csignal>

namespace ntd::vm {

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
      stderr_(os::ByteStream::nonblocking(std::move(child_.stderr_pipe))) {
    stdout_watch_ = host_.loop.watch(stdout_.fd(),
                                     [this] { return on_readable(stdout_, stdout_lines_, true); });
    stderr_watch_ = host_.loop.watch(stderr_.fd(),
                                     [this] { return on_readable(stderr_, stderr_lines_, false); });
}

bool MachineProcess::on_readable(os::ByteStream& stream, LineSplitter& lines, bool serial) {
    std::string bytes;
    const auto outcome = stream.read_ready(bytes);
    lines.feed(bytes);
    if (serial)
        tap_.with([&](UniqueFd& tap) {
            if (tap)
                (void)!::write(tap.get(), bytes.data(), bytes.size());
            if (outcome == os::ByteStream::Outcome::closed)
                tap.reset();
        });
    const auto take = [&](std::string_view line) {
        if (serial) {
            host_.log.serial(machine_, line); // first: who waits for it may turn the log on then
            console_.add_serial(line);
        } else {
            host_.log.line(machine_, log::Level::info, fmt::format("stderr: {}", printable(line)));
            console_.add_stderr(line);
        }
    };
    while (const auto line = lines.next())
        take(*line);
    host_.log.drain();
    if (outcome != os::ByteStream::Outcome::closed)
        return true;
    if (const auto rest = lines.take_rest(); !rest.empty())
        take(rest);
    if (--open_streams_ == 0)
        console_.close();
    return false;
}

void MachineProcess::wait_for_last_output() {
    os::Broadcast::Listener changed(console_.changed());
    const auto deadline = Deadline::after(500ms);
    while (!console_.closed() &&
           os::wait_readable({changed.fd()}, deadline, host_.interrupt).has_value())
        changed.reset();
}

void MachineProcess::throw_died(std::string_view doing) {
    wait_for_last_output();
    const auto status = child_.wait(Deadline::after(10s), host_.interrupt);
    const auto how = status ? status->describe() : "closed its connections, but still runs,";
    const auto last = console_.tail();
    throw MachineDied("machine '{}': {} (pid {}) {} {}{}{}", machine_, program_, child_.pid(), how,
                      doing, last.empty() ? "; it had no output" : "; its last output was:\n",
                      last);
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

void MachineProcess::stop() noexcept {
    const auto deadline = Deadline::after(3s);
    child_.signal_group(SIGTERM);
    wait_for_end(deadline.left());
    // The child may be a shell that ran QEMU, and ends at once. QEMU, which has disks to write and
    // sockets to remove, has ended when nobody has our pipe.
    pollfd silent{stdout_.fd(), 0, 0};
    os::retry_eintr([&] { return ::poll(&silent, 1, deadline.left_ms()); });
    child_.signal_group(SIGKILL);
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
        throw TimeoutError("machine '{}': the serial console took no more text until the time-out",
                           machine_);
    }
}

} // namespace ntd::vm
