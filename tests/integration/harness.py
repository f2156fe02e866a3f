"""Run the real driver with fake machines in a workspace; check that it leaves nothing behind."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import shlex
import shutil
import signal
import stat
import subprocess
import tempfile
import termios
import textwrap
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

DEFAULT_BIN_DIR = Path(__file__).resolve().parents[2] / "build" / "dev" / "bin"
BIN_DIR = Path(os.environ.get("NTD_BIN_DIR", DEFAULT_BIN_DIR))
DRIVER = BIN_DIR / "nixos-test-driver"
FAKE_VM = BIN_DIR / "fake_vm"

# Factor for time limits, as sanitizers make everything slower.
SLOWNESS = float(os.environ.get("NTD_TEST_SLOWNESS", "1"))
# Seconds; ten times what is needed on two idle cores, because the host may be busy.
PATIENCE = 120.0 * SLOWNESS  # limit of one step of a test; only a hang reaches it
AT_ONCE = 20.0 * SLOWNESS  # limit for what should happen at once
CLEAN_UP = 30.0 * SLOWNESS  # limit for its processes to end after the driver has

# Environment variables that the driver inherits. Others could change the result of a test.
INHERITED = ("PATH", "HOME", "LANG", "TERM", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")

Machines = Mapping[str, str]


@dataclass(frozen=True)
class Result:
    """The exit status and output of a run of the driver."""

    returncode: int
    stdout: str
    stderr: str
    seconds: float

    def __str__(self) -> str:
        end = f"status {self.returncode} after {self.seconds:.2f} s"
        lines = ["--- stdout", *self.stdout.splitlines(), "--- stderr", *self.stderr.splitlines()]
        return "\n".join([end, *(line[:300] for line in lines)])

    def must_succeed(self) -> Result:
        assert self.returncode == 0, str(self)
        return self

    def must_fail(self, *texts: str) -> Result:
        """Check that the run ended with status 1, and that the log has all ``texts``."""
        assert self.returncode == 1, str(self)
        self.must_say(*texts)
        return self

    def must_say(self, *texts: str) -> Result:
        missing = [text for text in texts if text not in self.stderr]
        assert not missing, f"the log lacks {missing}; {self}"
        return self

    def must_blame(self, *texts: str) -> Result:
        """Check that the lines that say why the test failed have all ``texts``."""
        missing = [text for text in texts if text not in self.failure]
        assert not missing, f"{missing} are not said to be why it failed; {self}"
        return self

    def must_not_say(self, *texts: str) -> Result:
        found = [text for text in texts if text in self.stderr]
        assert not found, f"the log has {found}; {self}"
        return self

    @property
    def failure(self) -> str:
        """The lines of the log that say why the test failed, without the prefix ``!!!``."""
        return self.verdict.partition("\n---\n")[0]

    @property
    def verdict(self) -> str:
        """The same, with what follows the traceback: place, machines, what to do."""
        lines = [line for line in self.stderr.splitlines() if line.startswith("!!! ")]
        return "\n".join(line.removeprefix("!!! ") for line in lines)


@dataclass(frozen=True)
class Command:
    """A command line of the driver, and its complete environment."""

    argv: list[str]
    env: dict[str, str]


class Workspace:
    """A directory for one test, with a short path: start scripts, state (TMPDIR), output.

    Its name is in the environment of all processes of the test, including those in guests.
    """

    def __init__(self) -> None:
        self.id = f"itest-{uuid.uuid4().hex[:10]}"
        self.root = Path(tempfile.gettempdir()).resolve() / self.id
        self.scripts = self.root / "scripts"
        self.base = self.root / "base"
        self.out = self.root / "out"
        for directory in (self.scripts, self.base, self.out):
            directory.mkdir(parents=True)
        self.children: list[subprocess.Popen[bytes]] = []
        # May be left by a driver that was killed; one of our children may get the same PID.
        self.short_names_before = set(short_names("*"))

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        """Clean up, whatever has happened: the next test must not be affected."""
        self.kill_leftovers()
        shutil.rmtree(self.root, ignore_errors=True)

    def check_nothing_is_left(self) -> None:
        self.wait_until_no_process()
        left = self.leftovers()
        assert left == [], f"left: {left}"

    # ------------------------------------------------------------------------------ what to run

    def write(self, name: str, text: str, mode: int = 0o644) -> Path:
        path = self.scripts / name
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path

    def test_script(self, source: str) -> Path:
        return self.write("test.py", textwrap.dedent(source))

    def start_script(self, name: str, options: str = "", body: str | None = None) -> Path:
        """Write a start script that starts a fake machine with ``options``, or runs ``body``."""
        body = body if body is not None else f'exec {FAKE_VM} {options} "$@"'
        return self.write(f"run-{name}-vm", f"#!/bin/sh\n{body}\n", 0o755)

    def start_scripts(self, machines: Machines) -> dict[str, Path]:
        return {name: self.start_script(name, options) for name, options in machines.items()}

    def config(
        self,
        scripts: Mapping[str, Path],
        test: Path,
        containers: Mapping[str, Path] = {},
        **settings: object,
    ) -> Path:
        config = {
            "vms": machines_in_json(scripts),
            "containers": machines_in_json(containers),
            "vlans": [],
            "global_timeout": 3600,
            "enable_ssh_backdoor": False,
            "test_script": str(test),
            **settings,
        }
        return self.write("config.json", json.dumps(config))

    def environment(self, env: Mapping[str, str | None]) -> dict[str, str]:
        """The driver's environment, changed by ``env``: a value of None removes a variable."""
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        inherited.setdefault("ASAN_OPTIONS", "detect_leaks=0")
        # Evidence has tests of its own; here it would only take time.
        ours = {"TMPDIR": str(self.base), "NTD_TEST_ID": self.id, "NTD_EVIDENCE": "never"}
        merged: dict[str, str | None] = {**inherited, **ours, **env}
        return {name: value for name, value in merged.items() if value is not None}

    def command(
        self,
        script: str,
        machines: Machines | None = None,
        vlans: Sequence[int] = (),
        args: Sequence[str] = (),
        env: Mapping[str, str | None] | None = None,
        generation: str = "flags",
        program: Path = DRIVER,
        scripts: Mapping[str, Path] | None = None,
        containers: Mapping[str, Path] = {},
        settings: Mapping[str, object] | None = None,
        global_timeout: float | None = None,
    ) -> Command:
        """A command line that runs ``script``.

        ``machines`` maps names to options of fake_vm; or ``scripts`` maps names to start scripts,
        as ``containers`` does. ``generation`` is the way in which callers of a release pass the
        configuration: "flags", "environment", or "json", which takes further ``settings``.
        """
        test = self.test_script(script)
        if scripts is None:
            default = {} if containers else {"web": ""}
            scripts = self.start_scripts(default if machines is None else machines)
        common = [str(program), "-o", str(self.out), *args]
        variables = dict(env or {})
        paths = [str(path) for path in scripts.values()]
        numbers = [str(number) for number in vlans]
        limits = [] if global_timeout is None else [f"{global_timeout:g}"]
        if generation == "json":
            given: dict[str, object] = {"vlans": list(vlans)}
            if global_timeout is not None:
                given["global_timeout"] = global_timeout
            config = self.config(scripts, test, containers, **{**given, **(settings or {})})
            argv = [*common, "--config", str(config)]
        elif generation == "environment":
            lists = {
                "startScripts": " ".join(paths),
                "containerStartScripts": " ".join(map(str, containers.values())),
                "vlans": " ".join(numbers),
                **{"globalTimeout": limit for limit in limits},
            }
            variables = {**lists, "testScript": str(test), **variables}
            argv = common
        else:
            argv = [*common, "--start-scripts", *paths, "--vlans", *numbers]
            argv += ["--global-timeout", *limits] if limits else []
            if containers:
                argv += ["--container-start-scripts", *map(str, containers.values())]
            argv += ["--", str(test)]
        return Command(argv, self.environment(variables))

    # --------------------------------------------------------------------------------- running

    def run(
        self,
        command: Command,
        limit: float = PATIENCE,
        cwd: Path | str | None = None,
        stdin: str = "",
    ) -> Result:
        """Run the command to its end. Raises AssertionError after ``limit`` seconds."""
        begin = time.monotonic()
        source = subprocess.PIPE if stdin else subprocess.DEVNULL
        process = self._popen(command, cwd, source, subprocess.PIPE, subprocess.PIPE)
        try:
            out, err = process.communicate(stdin.encode() or None, timeout=limit)
        except subprocess.TimeoutExpired as late:
            so_far = text(late.stdout or b""), text(late.stderr or b"")
            raise AssertionError(self._why_no_end(process, limit, *so_far)) from None
        return Result(process.returncode, text(out), text(err), time.monotonic() - begin)

    def _why_no_end(
        self, process: subprocess.Popen[bytes], limit: float, out: str, err: str
    ) -> str:
        """End a run that took too long; return the reason.

        Does not wait for the end of the output: a process that is left may keep it open.
        """
        status = process.poll()
        left = ", ".join(self.processes().values())
        self.kill_leftovers()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()
        so_far = Result(process.returncode, out, err, limit)
        if status is None:
            return f"the driver did not end within {limit} s: {so_far}"
        return f"it ended with status {status}, but what it left holds its output: {left}; {so_far}"

    def spawn(self, command: Command) -> Conversation:
        """Run in the background; stdout and stderr are one pipe, stdin is another."""
        process = self._popen(command, None, subprocess.PIPE, subprocess.PIPE, subprocess.STDOUT)
        assert process.stdin is not None and process.stdout is not None
        return Conversation(process, process.stdout.fileno(), process.stdin.fileno())

    def spawn_on_terminal(self, command: Command) -> Conversation:
        """Run in the background, on a new terminal."""
        ours, theirs = pty.openpty()
        process = self._popen(command, None, theirs, theirs, theirs, prepare=take_terminal)
        os.close(theirs)
        return Conversation(process, ours, ours)

    def _popen(
        self,
        command: Command,
        cwd: Path | str | None,
        stdin: int,
        stdout: int,
        stderr: int,
        prepare: Callable[[], None] = lambda: None,
    ) -> subprocess.Popen[bytes]:
        def before_exec() -> None:
            os.setsid()
            # Background jobs of a shell ignore SIGINT, and their children inherit that.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            prepare()

        process = subprocess.Popen(
            command.argv,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=command.env,
            cwd=cwd or self.root,
            preexec_fn=before_exec,
        )
        self.children.append(process)
        return process

    # ------------------------------------------------------------------------- what is left over

    def processes(self) -> dict[int, str]:
        """All running processes of this test, as {pid: command line}."""
        return dict(processes_with(self.id))

    def wait_until_no_process(self, limit: float = CLEAN_UP) -> None:
        deadline = time.monotonic() + limit
        while left := self.processes():
            assert time.monotonic() < deadline, f"processes are left: {left}"
            wait_for_end(next(iter(left)), deadline)

    def leftovers(self) -> list[str]:
        """The sockets, control directories of switches, and short links that are left."""
        found = [str(path) for path in self.root.rglob("*") if is_socket(path)]
        found += [str(path) for path in self.base.rglob("vde*.ctl")]
        short = {path for child in self.children for path in short_names(child.pid)}
        return found + sorted(map(str, short - self.short_names_before))

    def kill_leftovers(self) -> None:
        """Kill the processes of this test, so that they do not disturb the next one."""
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        for child in self.children:
            child.wait()


def clean_workspace() -> Iterator[Workspace]:
    """A workspace for one test; checks at the end that nothing is left behind."""
    with Workspace() as workspace:
        yield workspace
        workspace.check_nothing_is_left()


class Conversation:
    """A running driver: reads its output line by line, sends it input and signals."""

    def __init__(self, process: subprocess.Popen[bytes], output: int, input_: int) -> None:
        self.process = process
        self.output = output
        self.input = input_
        self.seen = b""
        self._waiting = b""

    def expect(self, pattern: str, limit: float = PATIENCE) -> re.Match[str]:
        """Read lines until one contains ``pattern``; return the match."""
        deadline = time.monotonic() + limit
        for line in self._lines(deadline):
            if match := re.search(pattern, line):
                return match
        raise AssertionError(f"no line matched {pattern!r}:\n{text(self.seen)}")

    def _lines(self, deadline: float) -> Iterator[str]:
        while True:
            while b"\n" not in self._waiting:
                if not self._read(deadline):
                    return
            line, _, self._waiting = self._waiting.partition(b"\n")
            yield text(line)

    def _read(self, deadline: float) -> bool:
        """Read more output. Returns False at the end of the output or at the deadline."""
        ready, _, _ = select.select([self.output], [], [], max(0.0, deadline - time.monotonic()))
        try:
            data = os.read(self.output, 1 << 16) if ready else b""
        except OSError:  # a terminal raises this when the other side is closed
            data = b""
        self.seen += data
        self._waiting += data
        return bool(data)

    def type(self, characters: str) -> None:
        os.write(self.input, characters.encode())

    def signal(self, number: int) -> float:
        """Send a signal to the driver only; return the time at which it was sent."""
        os.kill(self.process.pid, number)
        return time.monotonic()

    def end(self, limit: float = PATIENCE) -> int:
        """Read to the end; return the exit status (negative: the signal)."""
        deadline = time.monotonic() + limit
        while self._read(deadline):
            pass
        try:
            status = self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"the driver did not end within {limit} s:\n{text(self.seen)}"
            ) from None
        return status


def machines_in_json(scripts: Mapping[str, Path]) -> dict[str, dict[str, str]]:
    return {name: {"name": name, "start_script": str(path)} for name, path in scripts.items()}


def text(output: bytes) -> str:
    return output.decode(errors="replace")


def take_terminal() -> None:
    """Make stdin the controlling terminal of this new session."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def short_names(pid: int | str) -> Iterator[Path]:
    """The links in /tmp by which the driver ``pid`` shortens paths that are too long."""
    return Path("/tmp").glob(f"ntd-{pid}-*")


def is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.lstat().st_mode)
    except OSError:
        return False


def processes_with(mark: str) -> Iterator[tuple[int, str]]:
    """The running processes whose environment contains ``mark``, as (pid, command line)."""
    for directory in Path("/proc").iterdir():
        if not directory.name.isdigit():
            continue
        try:
            if mark.encode() in (directory / "environ").read_bytes():
                words = (directory / "cmdline").read_bytes().split(b"\0")
                yield int(directory.name), shlex.join(map(text, words)).strip("' ")
        except OSError:
            continue  # it has ended


def wait_for_end(pid: int, deadline: float) -> None:
    """Wait until the process ends, or until the deadline."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        select.select([fd], [], [], max(0.0, deadline - time.monotonic()))
    finally:
        os.close(fd)
