#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// The protocol between the driver and the guest's root shell. All that the guest provides is a
// non-interactive bash that executes the lines it reads from the channel (hvc0 in raw mode).
//
// That bash, the *control shell*, never runs a test's command itself. It passes each command
// through a pipe to a second bash, the *worker*. So it can answer questions while a command runs:
// which process holds the output open? It can also end the command, or start a new worker. The
// worker runs
//
//     bash -c "set -euo pipefail; COMMAND" <console >pipe; wait for cat; printf frame
//
// cat is started before the command. It copies the output from the pipe to the channel until every
// process has closed the other end. The bash is started in advance, too: it reads the command from
// a pipe and evaluates it. The command can notice two differences only: the bash lives as long as
// its last program, and its arguments do not show the command.
//
// A frame starts with a marker that is random for each command, and ends with a newline:
//
//     MARKER STATUS    the command has ended with that status, and its output is complete
//     MARKER runs      there is a worker
//     MARKER gone      there is no worker any more
//     MARKER anew      the worker was gone; a new one has got the command
//     MARKER new       the control shell has not been set up: it is another one
//     MARKER held PID NAME, PID NAME ...    the command has ended; these hold its output open
//
// All other bytes are output. A command is one line, and its answer needs one round trip.
//
// The channel consists of two streams. Lines go to hvc0, the console that the backdoor reads.
// Output, frames and bulk input use a virtio-serial port that the driver adds, if the guest has
// that port and no other process holds it. The port is about thirty times faster. QEMU also stops
// reading it while the driver does not read, whereas it drops output of a console. Without the
// port, hvc0 is both streams.
//
// A guest may also offer the shell over vsock: each connection to the port shell_vsock_port gets a
// new shell, and is both streams.
namespace ntd::proto {

// The port's name. The guest finds its device by this name in /sys/class/virtio-ports. A guest
// without such a device, like those of the tests, passes the file descriptor of the open port in
// NTD_DATA_FD.
constexpr std::string_view port_name = "nixos-test-driver.0";

// The device's name in QEMU. QEMU sends VSERPORT_CHANGE when the guest opens or closes the port.
constexpr std::string_view port_id = "ntd-port-device";

// The vsock port where a guest offers root shells. We chose the number; such ports are private to a
// guest.
constexpr unsigned shell_vsock_port = 51400;

// The end of what the guest prints just before the control shell starts.
constexpr std::string_view shell_greeting = "Spawning backdoor root shell...";

// Whether unexpected text on hvc0 comes from a shell that has just started: it contains the
// greeting or "MARKER new".
bool shell_is_new(std::string_view text);

// Returns a marker with 128 random bits, in printable form.
std::string new_marker();

// A message to the control shell: lines for hvc0, and bytes for the port. Without a port, the bytes
// follow the lines.
struct ShellText {
    std::string lines;
    std::string_view bulk; // owned by the caller
    std::string behind;    // ends the bulk, for a shell that must skip it
};

// Sets up a fresh control shell. Send it once, with shell_sync() on the port. The answer on hvc0 is
// "MARKER 1" if the port is used from now on, else "MARKER 0" (after ten seconds if there is a
// port, but nothing arrives over it). Over vsock, pass ShellPort::none: there is no port to look
// for.
enum class ShellPort { perhaps, none };
std::string shell_setup(std::string_view marker, ShellPort port = ShellPort::perhaps);

// Sent to the port with shell_setup(). Everything before it was for a previous shell.
std::string shell_sync(std::string_view marker);

// Runs a command of any length, with any bytes but NUL.
ShellText shell_run(std::string_view marker, std::string_view command);

// Runs a command of the driver itself that leaves no process behind which holds its output. The
// output goes to the channel without a copy by cat. Not for output over hvc0, which would need
// pacing.
ShellText shell_run_direct(std::string_view marker, std::string_view command);

// Runs one simple command of the driver itself, which leaves no process behind, in a fork of the
// worker. That costs at most half as much as the start of a bash. For short commands only.
ShellText shell_run_simple(std::string_view marker, std::string_view command);

// Appends bytes to a file (created with mode 0600), at the speed of the channel. The status is 0 or
// 1; on failure the output says why.
ShellText shell_store(std::string_view marker, std::string_view file, std::string_view bytes);

// Runs a command of up to 64 KiB with the bytes of `input` as its standard input. They pass through
// a file in the guest's /tmp, because the control shell must not wait until a command reads them.
ShellText
shell_run_with_input(std::string_view marker, std::string_view command, std::string_view input);

// Runs a command and sends its output in pieces of `pace` bytes (the last one may be shorter). Each
// piece waits for a shell_go_on() for the one before. Needed on hvc0: QEMU drops output of a
// console while the socket's buffer is full, which holds about 100 KiB of it.
constexpr std::size_t pace = std::size_t{64} * 1024;
ShellText shell_run_paced(std::string_view marker, std::string_view command);
std::string shell_go_on(std::string_view marker);

// Starts a command without waiting for it. Sends no frames.
std::string shell_detach(std::string_view command);

// Stops a running command. SIGTERM goes to everything that the worker has started, except cat, so
// that no output is cut off. What is left after two to three seconds is killed, and a new worker
// starts. The answer is "MARKER 0" or "MARKER new".
std::string shell_stop(std::string_view marker);

// Replaces ShellText::behind if the bulk input is given up. Send it after as many bytes as `bulk`
// has.
std::string shell_given_up(std::string_view marker);

// Kills the worker and everything it runs, and starts a new one. The answer is that of
// shell_stop().
std::string shell_restart(std::string_view marker);

// Asks, while a command runs, whether there is a worker. Starts no process in the guest. The answer
// is "MARKER runs" or "MARKER gone", or "MARKER new" on hvc0.
std::string shell_ping(std::string_view marker);

// Also asks whether the command has ended while other processes hold its output open. If so,
// "MARKER held ..." comes before the answer of shell_ping().
std::string shell_probe(std::string_view marker);

} // namespace ntd::proto
