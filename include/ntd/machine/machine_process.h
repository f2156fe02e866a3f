#pragma once

#include <ntd/machine/console_log.h>
#include <ntd/machine/host.h>
#include <ntd/machine/serial_lines.h>
#include <ntd/os/byte_stream.h>
#include <ntd/os/child_process.h>
#include <ntd/os/process_set.h>

#include <string>
#include <string_view>

namespace ntd::machine {

// A machine's process with its output: serial console and standard error go line by line to the
// log and to `console`, from the I/O thread. Every wait for the machine ends when it ends.
class MachineProcess {
public:
    // `program` is what messages call the process.
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

    // Who has made a connection with us belongs to the machine, too, and ends with it: QEMU may
    // have left the group, in a session of its own. Not so what was there before.
    void adopt_peer(int connection);

    os::ChildProcess& child() { return child_; }
    ConsoleLog& console() { return console_; }
    int exit_fd() const { return child_.exit_fd(); }
    int stdin_fd() const { return stdin_.fd(); }
    int stdout_fd() const { return stdout_.fd(); }

    // Throws MachineDied: what was going on, how the process ended, its last lines.
    [[noreturn]] void throw_died(std::string_view doing);

    // The same if it has ended or is about to: one of its connections has.
    void check_ending(std::string_view doing);

    // Waits for data on `fd`. False at the deadline; throws MachineDied.
    bool wait_for(int fd, Deadline deadline, std::string_view doing);

    // The end of the process may be seen before its last lines have been read: waits for them,
    // briefly, because a helper that lives on may keep the pipe open.
    void wait_for_last_output();

    bool has_ended(); // with all that belongs to it

    void signal(int number) noexcept; // to all that belongs to it

    // Gives it a moment to end by itself. Does not throw, cannot be interrupted.
    void wait_for_end(Seconds most) noexcept;

    // Asks all that belongs to it to end, kills it after a moment, and waits for its last lines.
    // Does not throw, cannot be interrupted.
    void stop() noexcept;

    // What the serial console says goes to this descriptor as well, as it comes, until the end of
    // the process or until it is replaced by none. What it does not take at once is lost to it.
    void tap_console(UniqueFd fd);

    // To the serial console. Throws MachineDied, TimeoutError.
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
    Guarded<os::ProcessSet> belongings_; // the group of the child, and peers
    os::EventLoop::Watch stdout_watch_;  // last: their callbacks use the rest
    os::EventLoop::Watch stderr_watch_;
};

} // namespace ntd::machine
