"""Interactive access to a machine: a root shell on its own terminal, and the serial console."""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import select
import shutil
import signal
import socket
import sys
import termios
import threading
import tty
from typing import TYPE_CHECKING, Protocol

from test_driver._engine import engine
from test_driver.errors import MachineError
from test_driver.files.task import assignments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from test_driver.machine.qmp import QMPSession

ESCAPE = b"\x1d"  # Ctrl-], as in telnet
START_LIMIT = 60  # seconds that a shell may take to print its prompt, in a slow guest
SIZE_INTERVAL = 0.5  # seconds between checks of our window's size, where SIGWINCH is not available
CHUNK = 1 << 16

_numbers = itertools.count(1)
_plugging = threading.Lock()

# Lists the consoles whose other end is connected: the others cannot be opened.
FIND_CONSOLES = """
find_consoles() {
    for console in /dev/hvc[0-9]*; do (: <>"$console") 2>/dev/null && echo "$console"; done; true
}
"""

# The shell leads its own session. The first terminal that it opens becomes its controlling
# terminal.
START_SHELL = """
export TERM=$term
setsid bash -c '
    exec <>"$0" >&0 2>&1; trap exit HUP; stty sane rows "$1" cols "$2"; bash -li; printf %s "$3"
' "$console" "$rows" "$columns" "$mark"
"""


class Machine(Protocol):
    """The part of QemuMachine that is needed here."""

    @property
    def name(self) -> str: ...
    @property
    def state_dir(self) -> Path: ...
    @property
    def pid(self) -> int | None: ...
    @property
    def qmp_client(self) -> QMPSession | None: ...
    def start(self) -> None: ...
    def connect(self) -> None: ...
    def is_up(self) -> bool: ...
    def log(self, msg: str) -> None: ...
    def send_console(self, chars: str) -> None: ...
    def _tap_console(self, fd: int, /) -> None: ...
    def execute(
        self, command: str, check_return: bool = True, check_output: bool = True
    ) -> tuple[int, str]: ...


def shell_interact(machine: Machine, address: str | None) -> None:
    """See QemuMachine.shell_interact()."""
    if address is None:
        _check_terminal(machine, "shell_interact() (or give it an address=, as socat has it)")
    elif not shutil.which("socat"):
        raise MachineError(
            f"machine '{machine.name}': shell_interact(address=...) needs socat, which is not in "
            "PATH"
        )
    machine.connect()
    mark = f"\x1b]ntd;{secrets.token_hex(8)}\x07".encode()  # terminals do not display this
    with _console(machine) as (channel, console):
        rows, columns = _window_size()
        machine.execute(
            assignments(
                term=os.environ.get("TERM") or "linux",
                console=console,
                rows=str(rows),
                columns=str(columns),
                mark=mark.decode(),
            )
            + START_SHELL,
            check_output=False,
        )
        end = _End(mark)
        if address is not None:
            machine.log(f"connecting a root shell ({console}) to {address}")
            _serve(channel, address, end)
            return
        _wait_for_prompt(machine, channel, console)
        size = f"stty -F {console} rows {{}} cols {{}}"
        _relay(
            channel.fileno(),
            f"{machine.name}: a root shell on {console}; Ctrl-] returns to the driver",
            send=channel.sendall,
            end=end,
            resized=lambda rows, columns: _in_background(
                machine.execute, size.format(rows, columns)
            ),
        )


def console_interact(machine: Machine) -> None:
    """See QemuMachine.console_interact()."""
    _check_terminal(machine, "console_interact()")
    machine.start()
    ours, theirs = os.pipe()
    try:
        machine._tap_console(theirs)
        os.close(theirs)
        _relay(
            ours,
            f"{machine.name}: the serial console; Ctrl-] returns to the driver",
            send=lambda keys: machine.send_console(keys.decode(errors="surrogateescape")),
        )
        if machine.pid is not None:
            machine._tap_console(-1)
    finally:
        os.close(ours)


def _wait_for_prompt(machine: Machine, channel: socket.socket, console: str) -> None:
    """Wait for the shell's prompt: input before the shell opens its terminal would be lost."""
    ready, _, _ = select.select([channel], [], [], START_LIMIT)
    if not ready:
        raise MachineError(
            f"machine '{machine.name}': the shell on {console} said nothing for {START_LIMIT} "
            "seconds; does the guest have setsid and stty?"
        )


def _check_terminal(machine: Machine, what: str) -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise MachineError(
            f"machine '{machine.name}': {what} needs a terminal, and standard input or output is "
            "none"
        )


@contextlib.contextmanager
def _console(machine: Machine) -> Iterator[tuple[socket.socket, str]]:
    """Plug in another virtconsole; yield our end of it and its device in the guest. It is unplugged at
    the end, which hangs up its users."""
    name = f"ntd-console-{next(_numbers)}"
    path = machine.state_dir / name
    with _plugging, socket.socket(socket.AF_UNIX) as listener:
        before = _ask(machine, "find_consoles")
        listener.bind(str(path))  # no other user can enter the state directory
        listener.listen()
        try:
            _plug(machine, name, str(path))
            channel, _ = listener.accept()
        finally:
            path.unlink()
        more = f'[ "$(find_consoles | wc -l)" -gt {len(before)} ]'
        wait = f"for _ in {{1..20}}; do ! {more} || break; sleep 0.1; done"
        after = _ask(machine, f"{wait}; find_consoles")
    try:
        with channel:
            yield channel, _only_new(machine, before, after)
    finally:
        if machine.is_up():
            _qmp(machine, "device_del", {"id": name})
            with contextlib.suppress(Exception):  # the guest may not have released it yet
                _qmp(machine, "chardev-remove", {"id": name})


def _ask(machine: Machine, command: str) -> set[str]:
    return set(machine.execute(FIND_CONSOLES + command)[1].split())


def _only_new(machine: Machine, before: set[str], after: set[str]) -> str:
    new = sorted(after - before)
    if not new:
        raise MachineError(
            f"machine '{machine.name}': the guest did not make a device for a new virtconsole; it "
            f"has {', '.join(sorted(after)) or 'none'}"
        )
    return new[0]


def _plug(machine: Machine, name: str, path: str) -> None:
    address = {"type": "unix", "data": {"path": path}}
    backend = {"type": "socket", "data": {"addr": address, "server": False}}
    _qmp(machine, "chardev-add", {"id": name, "backend": backend})
    _qmp(machine, "device_add", {"driver": "virtconsole", "id": name, "chardev": name})


def _qmp(machine: Machine, command: str, arguments: dict[str, object]) -> None:
    client = machine.qmp_client
    if client is not None:
        client.send(command, arguments)


class _End:
    """Finds the mark that a shell prints at its end. Nothing follows the mark."""

    def __init__(self, mark: bytes = b"") -> None:
        self._mark = mark
        self._tail = b""

    def is_reached(self, data: bytes) -> bool:
        """Whether the output ends with ``data``, its next part."""
        if not self._mark:
            return not data
        self._tail = (self._tail + data)[-len(self._mark) :]
        return not data or self._tail == self._mark


def _serve(channel: socket.socket, address: str, end: _End) -> None:
    """Connect the channel to socat, until socat, the shell or QEMU ends."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        command = ["socat", address, f"FD:{theirs.fileno()}"]
        # In a new session, our terminal is not the program's controlling terminal. So it may read
        # from it, although it is not in the foreground process group.
        program = engine.Program(command, input=0, inherited=[theirs.fileno()], new_session=True)
        try:
            theirs.close()
            _copy_both_ways(channel, ours, end)
            ours.shutdown(socket.SHUT_RDWR)
        finally:
            program.end()


def _copy_both_ways(channel: socket.socket, other: socket.socket, end: _End) -> None:
    while True:
        ready, _, _ = select.select([channel, other], [], [])
        if channel in ready:
            data = channel.recv(CHUNK)
            other.sendall(data)
            if end.is_reached(data):
                return
        if other in ready:
            data = other.recv(CHUNK)
            if not data:
                return
            channel.sendall(data)


def _relay(
    source: int,
    hint: str,
    send: Callable[[bytes], object],
    end: _End | None = None,
    resized: Callable[[int, int], object] = lambda rows, columns: None,
) -> None:
    """Relay our terminal in raw mode: keys to ``send``, output from ``source`` to the screen. Ends
    when ``source`` ends, or at Ctrl-]."""
    end = end or _End()
    keyboard, screen = sys.stdin.fileno(), sys.stdout.fileno()
    sys.stdout.flush()
    size = _window_size()
    with _raw_mode(keyboard), _changes_of_size() as (changes, interval):
        _write_all(screen, f"{hint}\r\n".encode())
        while True:
            ready, _, _ = select.select([source, keyboard, changes], [], [], interval)
            if changes in ready:
                os.read(changes, CHUNK)
            if size != (size := _window_size()):
                resized(*size)
            if source in ready:
                data = os.read(source, CHUNK)
                _write_all(screen, data)
                if end.is_reached(data):
                    return
            if keyboard in ready:
                keys, escape, _ = os.read(keyboard, CHUNK).partition(ESCAPE)
                if keys:
                    send(keys)
                if escape or not keys:
                    _write_all(screen, b"\r\n")
                    return


@contextlib.contextmanager
def _changes_of_size() -> Iterator[tuple[int, float | None]]:
    """Yield a file descriptor that becomes readable when our window is resized, and the interval in
    which to check the size anyway. The interval is None with SIGWINCH. Only the main thread can
    have a handler for that, and only if Python can restore the previous one: not that of readline."""
    changes, told = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    with open(changes, "rb", buffering=0), open(told, "wb", buffering=0) as news:
        in_main_thread = threading.current_thread() is threading.main_thread()
        if not in_main_thread or signal.getsignal(signal.SIGWINCH) is None:
            yield changes, SIZE_INTERVAL
            return
        before = signal.signal(signal.SIGWINCH, lambda *_: news.write(b"x"))
        try:
            yield changes, None
        finally:
            signal.signal(signal.SIGWINCH, before)


def _in_background(function: Callable[..., object], *arguments: object) -> None:
    """Call ``function`` in a thread, because it may have to wait long while the script uses the
    machine's shell."""

    def run() -> None:
        with contextlib.suppress(MachineError):  # the machine may be gone by now
            function(*arguments)

    threading.Thread(target=run, daemon=True).start()


@contextlib.contextmanager
def _raw_mode(terminal: int) -> Iterator[None]:
    """Send all keys to the guest. Log lines still get carriage returns. Console lines are held back,
    because they would overwrite what the user sees."""
    settings = termios.tcgetattr(terminal)
    engine.set_quiet(True)
    try:
        tty.setraw(terminal)
        raw = termios.tcgetattr(terminal)
        raw[1] |= termios.OPOST | termios.ONLCR
        termios.tcsetattr(terminal, termios.TCSANOW, raw)
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, settings)
        engine.set_quiet(False)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _window_size() -> tuple[int, int]:
    """Rows and columns of our window; 24 x 80 if there is none."""
    try:
        columns, rows = os.get_terminal_size(sys.stdin.fileno())
    except (OSError, ValueError):
        return 24, 80
    return rows or 24, columns or 80
