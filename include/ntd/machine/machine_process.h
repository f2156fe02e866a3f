#pragma once

#include <ntd/machine/console_log.h>
#include <ntd/machine/host.h>
#include <ntd/machine/serial_lines.h>
#include <ntd/os/byte_stream.h>
#include <ntd/os/child_process.h>
#include <ntd/os/process_set.h>

#include <atomic>
#include <string>
#include <string_view>

namespace ntd::machine {

// A machine's process and its output. The I/O thread passes serial console and standard error line
// by line to the log and to `console`. All waits for the machine end when the process ends.
class MachineProcess {
public:
    // `program` is the name of the process in messages.
    MachineProcess(const os::ProcessSpec& spec,
                   std::string machine,
                   std::string_view program,
                   ConsoleLog& console,
                   const Host& host);
    ~MachineProcess();
    MachineProcess(const MachineProcess&) = delete;
    MachineProcess& operator=(const MachineProcess&) = delete;
    MachineProcess(MachineProcess&&) = delete;
    MachineProcess& operator=(MachineProcess&&) = delete;

    // Adds the process at the other end of a connection to the processes of the machine, so that it
    // is stopped with them. QEMU may have left the process group for a session of its own.
    // Processes older than the machine are not added.
    void adopt_peer(int connection);

    os::ChildProcess& child() { return child_; }
    ConsoleLog& console() { return console_; }
    int exit_fd() const { return child_.exit_fd(); }
    int stdin_fd() const { return stdin_.fd(); }
    int stdout_fd() const { return stdout_.fd(); }

    // Throws MachineDied. The message says what was going on (`doing`), how the process ended, and
    // its last lines.
    [[noreturn]] void throw_died(std::string_view doing);

    // Throws MachineDied if the process has ended or is about to. Call it when one of its
    // connections has closed.
    void check_ending(std::string_view doing);

    // Waits for data on `fd`. Returns false at the deadline. Throws MachineDied.
    bool wait_for(int fd, Deadline deadline, std::string_view doing);

    // The end of the process may be seen before its last lines have been read. Waits for these, but
    // only briefly: a child process that lives on may keep the pipe open.
    void wait_for_last_output();

    bool has_ended(); // including all processes of the machine

    void signal(int number) noexcept; // to all processes of the machine

    // Waits up to `most` for the process to end by itself. Does not throw and cannot be
    // interrupted.
    void wait_for_end(Seconds most) noexcept;

    // Asks all processes of the machine to end, kills them after a moment, and waits for the last
    // lines. Does not throw and cannot be interrupted.
    void stop() noexcept;

    // Copies the serial console's output to `fd` as it comes, until the process ends or until an
    // invalid `fd` replaces it. Output that `fd` does not take at once is not copied.
    void tap_console(UniqueFd fd);

    // Writes to the serial console. Throws MachineDied, TimeoutError.
    void write_console(std::string_view bytes, Deadline deadline);

private:
    void wait_until_closed(os::Interrupt& interrupt);
    bool on_serial();
    bool on_stderr();
    bool go_on(bool is_open);

    std::string machine_;
    std::string program_;
    ConsoleLog& console_;
    const Host& host_;
    os::ChildProcess child_;
    os::ByteStream stdin_;
    os::ByteStream stdout_;
    os::ByteStream stderr_;
    SerialLines serial_lines_;  // I/O thread
    LineSplitter stderr_lines_; // I/O thread
    int open_streams_ = 2;      // I/O thread
    Guarded<UniqueFd> tap_;
    std::atomic<bool> is_asked_to_end_ = false;
    Guarded<os::ProcessSet> belongings_; // the child's process group, and peers
    os::EventLoop::Watch stdout_watch_;  // last: their callbacks use the other members
    os::EventLoop::Watch stderr_watch_;
};

} // namespace ntd::machine
