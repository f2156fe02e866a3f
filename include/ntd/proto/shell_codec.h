#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// The language that the driver and the guest's root shell speak. The guest brings nothing but a
// non-interactive bash that executes the lines it reads from the channel (hvc0 in raw mode).
//
// That bash, the *control shell*, never runs a test's command itself: it passes each on to a second
// bash, the *worker*, through a pipe. So it is there to be asked while a command runs: which
// process holds the output open; end it; make a new worker. The worker runs
//
//     bash -c "set -euo pipefail; COMMAND" <console >pipe; wait for cat; printf frame
//
// where cat, which was there before, copies the output from the pipe to the channel until every
// holder of the other end has closed it. The bash was there before, too: it has read the command
// from a pipe, and evaluates it. To the command that makes no difference but that the bash lives as
// long as the last program does, and that its arguments do not show the command. Frames
// start with a marker that is random for each command and end with a newline:
//
//     MARKER STATUS    the command has ended with that status, and its output is complete
//     MARKER runs      the worker is there
//     MARKER gone      there is no worker any more
//     MARKER anew      there was none any more; a new one has got the command
//     MARKER new       the control shell has not been set up: it is another one
//     MARKER held PID NAME, PID NAME ...    the command has ended; these hold its output open
//
// All else is output, any bytes. One line out, one answer back: one round trip a command.
//
// The channel is two streams. Lines go to hvc0, the console that the backdoor reads. Output, frames
// and bulk input take a virtio-serial port of ours beside it, where the guest has that port and
// nobody else holds it: it is some thirty times faster, and QEMU stops reading it while we do not
// read, whereas it throws the output of a console away. Otherwise hvc0 is both.
//
// A guest may offer the same shell over its vsock, a new one for each connection to the port
// shell_vsock_port, which is both streams.
namespace ntd::proto {

// The port's name: the guest finds the device by it, in /sys/class/virtio-ports. A backdoor that
// already has the port open (no other kind of guest can) says in NTD_DATA_FD which descriptor.
constexpr std::string_view port_name = "nixos-test-driver.0";

// The device's name in QEMU, which then tells by VSERPORT_CHANGE when the guest opens or closes it.
constexpr std::string_view port_id = "ntd-port-device";

// Where a guest's vsock is listened on for root shells. The number is ours; such ports are private
// to a guest.
constexpr unsigned shell_vsock_port = 51400;

// What the guest prints, at its end, when the control shell is about to start.
constexpr std::string_view shell_greeting = "Spawning backdoor root shell...";

// Whether text that comes on hvc0, where nothing was asked for, is that of a shell that has just
// started: its greeting, or "MARKER new".
bool shell_is_new(std::string_view text);

// 128 random bits, printable.
std::string new_marker();

// What the control shell is told: lines for hvc0, and bytes for the port (or behind the lines) that
// belong to them.
struct ShellText {
    std::string lines;
    std::string_view bulk; // the caller's own bytes
    std::string behind;    // the bulk: its end, for who has to pass it over
};

// Sent once to a fresh control shell, with shell_sync() on the port. Answered on hvc0 by "MARKER 1"
// if the port is used from now on, else by "MARKER 0" (after ten seconds, if there is a port over
// which nothing comes). Over a vsock there is no port to be looked for.
enum class ShellPort { perhaps, none };
std::string shell_setup(std::string_view marker, ShellPort port = ShellPort::perhaps);

// Sent to the port at the same time: what came before it was for another shell.
std::string shell_sync(std::string_view marker);

// Runs a command, whatever bytes but NUL it has and however long it is.
ShellText shell_run(std::string_view marker, std::string_view command);

// Runs a command of the driver's own, which leaves nothing behind that holds its output: that is
// not copied on its way. Not over hvc0, where it would have to be paced.
ShellText shell_run_direct(std::string_view marker, std::string_view command);

// Runs one simple command of the driver's own, which leaves nothing behind, in a fork of the
// worker: that is half of what the start of a bash costs, or less. Short commands only.
ShellText shell_run_simple(std::string_view marker, std::string_view command);

// Appends bytes to a file (made with mode 0600) at the rate of the channel. The status is 0 or 1;
// the output says why it failed.
ShellText shell_store(std::string_view marker, std::string_view file, std::string_view bytes);

// Runs a command of no more than 64 KiB with `input`, any bytes, as its standard input. They pass
// through a file in the guest's /tmp: the control shell must not wait for a command to read them.
ShellText
shell_run_with_input(std::string_view marker, std::string_view command, std::string_view input);

// Runs a command whose output comes in pieces of `pace` bytes (the last one may be shorter), each
// after shell_go_on() for the one before: for hvc0. QEMU drops what a console sends while the
// socket's buffer, which holds some 100 KiB of it, is full.
constexpr std::size_t pace = std::size_t{64} * 1024;
ShellText shell_run_paced(std::string_view marker, std::string_view command);
std::string shell_go_on(std::string_view marker);

// Runs a command of which nothing is wanted; no frames.
std::string shell_detach(std::string_view command);

// For a command that is given up. It gets SIGTERM, with all that the worker has started but its
// cat, so that output is not cut off; what is left two to three seconds later is killed, and there
// is a new worker. Answered by "MARKER 0", or "MARKER new".
std::string shell_stop(std::string_view marker);

// What comes in place of `behind`, after so many bytes as `bulk` has, when that is given up.
std::string shell_given_up(std::string_view marker);

// Kills the worker with all it runs and starts a new one. Answered as shell_stop().
std::string shell_restart(std::string_view marker);

// Asks, while a command runs, whether the worker is there. Costs the guest no process. Answered by
// "MARKER runs" or "MARKER gone", or by "MARKER new" on hvc0.
std::string shell_ping(std::string_view marker);

// Asks also whether the command has ended and its output is held open by somebody else: "MARKER
// held ...", and then as for shell_ping().
std::string shell_probe(std::string_view marker);

} // namespace ntd::proto
