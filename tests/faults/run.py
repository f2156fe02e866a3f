"""Run a case of the matrix, and report the problems with its result."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from axes import Case
from harness import BIN_DIR, FAKE_VM, PATIENCE, SLOWNESS, Command, Workspace, text
from processes import Faults

FAKES = Path(__file__).resolve().parents[1] / "fakes"
SETTLE = 0.4 * SLOWNESS  # seconds until a call that has begun is under way

# Stand-ins for these programs are for the host; all others are for the guest.
HOST = ("vde_switch", "vde_plug", "tesseract")
TOOLS = {
    "xwininfo": "echo '     0x1 \"editor\": (\"editor\" \"Editor\")'",
    "journalctl": "exit 0",
    "stty": "echo 1 6",
    "od": "echo 0000006c 0000006f 00000067 00000069 0000006e 0000003a",
}
SIGNALS = {"sigint": signal.SIGINT, "sigterm": signal.SIGTERM, "sigkill": signal.SIGKILL}

SCRIPT = """
import contextlib, os, time
from pathlib import Path
from typing import Any
{start}
{setup}
log.log("ready")
while not Path({go!r}).exists():
    time.sleep(0.01)
log.log("going")
{call}
"""


def problems(case: Case) -> list[str]:
    """Run a case; return its problems, one line each. Empty if there is none."""
    with Workspace() as workspace:
        try:
            return list(Run(workspace, case).problems())
        except AssertionError as error:
            return [f"could not be run: {error}"]


class Run:
    """One run of the driver."""

    def __init__(self, workspace: Workspace, case: Case) -> None:
        self.workspace = workspace
        self.case = case
        self.go = workspace.root / "go"
        self.log_file = workspace.root / "log"
        self.mounts_before = mounts()

    # ------------------------------------------------------------------------------ preparation

    def command(self) -> Command:
        workspace, case = self.workspace, self.case
        (workspace.root / "big").write_bytes(bytes(3_000_000))
        tools = self.install({**TOOLS, **dict(case.tools)})
        junit = ("--junit-xml", str(workspace.out / "junit.xml"))
        command = workspace.command(
            SCRIPT.format(
                start="web.start(allow_reboot=True); web.connect()" if case.starts else "",
                setup=case.setup,
                go=str(self.go),
                call=case.call,
            ),
            {name: f"{options} --guest-path={tools}" for name, options in case.machines},
            case.vlans,
            junit if case.settings else (*junit, *case.args),
            {"PATH": self.path(), "NTD_BIN_DIR": str(BIN_DIR), **dict(case.env)},
            generation="json" if case.settings else "flags",
            settings=self.settings(),
        )
        self.change_start_script()
        return replace(command, argv=[*self.launcher(), *command.argv])

    def settings(self) -> dict[str, Any]:
        """The settings of the configuration, including the global timeout if the case has one."""
        settings = dict(self.case.settings)
        if self.case.args:
            settings["global_timeout"] = int(self.case.args[1])
        return settings

    def install(self, tools: dict[str, str]) -> Path:
        """Write the stand-ins for programs; return the directory of those for the guest."""
        for name, script in tools.items():
            directory = self.workspace.scripts / ("host" if name in HOST else "guest")
            directory.mkdir(exist_ok=True)
            program = directory / name
            program.write_text(f"#!/bin/sh\n{script}\n")
            program.chmod(0o755)
        return self.workspace.scripts / "guest"

    def path(self) -> str:
        """The driver's PATH, with the stand-ins for programs of the host first."""
        if self.case.start == "no switch":
            return str(self.workspace.scripts)
        first = [str(FAKES)] if self.case.start == "fake vsock" else []
        return ":".join([*first, str(self.workspace.scripts / "host"), os.environ["PATH"]])

    def change_start_script(self) -> None:
        path = self.workspace.scripts / "run-web-vm"
        if self.case.start == "no interpreter":
            path.write_text("#!/no/such/interpreter\n")
        elif self.case.start == "script exits":
            path.write_text("#!/bin/sh\nexit 0\n")
        elif self.case.start == "script sleeps":
            path.write_text("#!/bin/sh\nsleep 1000\nexit 0\n")
        elif self.case.start == "plugs":
            path.write_text(
                f'#!/bin/sh\nsleep 900 | vde_plug "$QEMU_VDE_SOCKET_1" >/dev/null &\n'
                f'{FAKE_VM} "$@"\nexit\n'
            )
        elif self.case.wraps:
            path.write_text(path.read_text().replace("exec ", "") + "exit $?\n")

    def launcher(self) -> list[str]:
        """The command that the driver is started with."""
        kind, _, what = self.case.start.partition(" ")
        where = self.workspace.base if what == "base" else self.workspace.out
        mount = f"mount -t tmpfs -o size=1m none {where}" if kind == "tmpfs" else ""
        if kind == "read-only":
            mount = f"mount --bind {where} {where} && mount -o remount,bind,ro {where}"
        if mount:
            return ["unshare", "-m", "sh", "-c", mount + ' && exec "$@"', "sh"]
        limits = {
            "fsize": ["--fsize=1000000"],
            "nofile": [f"--nofile={what}"],
            "as": [f"--as={int(what) << 20}" if what.isdigit() else ""],
        }
        return ["prlimit", *limits[kind]] if kind in limits else []

    # ------------------------------------------------------------------------------ the run

    def problems(self) -> Iterator[str]:
        command = self.command()
        with self.log_file.open("wb") as log, subprocess.Popen(
            ["cat"], stdin=subprocess.PIPE, stdout=log, start_new_session=True
        ) as reader:
            assert reader.stdin is not None
            pipe = reader.stdin.fileno()
            driver = self.workspace._popen(command, None, subprocess.DEVNULL, pipe, pipe)
            reader.stdin.close()
            try:
                took = self.drive(driver, reader)
            except AssertionError as error:
                said = last_words(text(self.log_file.read_bytes()))
                raise AssertionError(f"{error}: {said}") from None
            finally:
                reader.send_signal(signal.SIGCONT)
                end_reader(reader)
        log_text = text(self.log_file.read_bytes())
        if took is None:
            yield f"it did not end within {self.case.bound * SLOWNESS:g} s"
        else:
            yield from self.wrong_end(driver.returncode, log_text)
        yield from self.leftovers()

    def drive(
        self, driver: subprocess.Popen[bytes], reader: subprocess.Popen[bytes]
    ) -> float | None:
        """Perform the fault and the signal; wait for the driver's end.

        Returns the seconds that the end took, or None (and kills the driver) if it took too long.
        """
        case = self.case
        faults = Faults(self.workspace, driver.pid, reader.pid)
        if case.start == "reader reads-nothing":
            reader.send_signal(signal.SIGSTOP)
            self.go.touch()
            time.sleep(3 * SETTLE)
        elif case.sign:
            self.wait_for(case.sign, driver)
        elif self.wait_for("ready", driver):
            if case.fault and case.moment == "before":
                faults.do(case.fault)
            self.go.touch()
            if case.fault not in ("stop reader", "kill reader"):
                self.wait_for("going", driver)
            if case.fault and case.moment == "during":
                time.sleep(SETTLE)
                faults.do(case.fault)
        if case.end in SIGNALS:
            time.sleep(SETTLE)
            driver.send_signal(SIGNALS[case.end])
        begin = time.monotonic()
        try:
            driver.wait(case.bound * SLOWNESS)
        except subprocess.TimeoutExpired:
            driver.kill()
            driver.wait()
            return None
        return time.monotonic() - begin

    def wait_for(self, word: str, driver: subprocess.Popen[bytes]) -> bool:
        """Wait until the script has logged ``word``; False if the driver ends before."""
        deadline = time.monotonic() + PATIENCE
        pattern = re.compile(rb"^%s$" % word.encode(), re.MULTILINE)  # a whole line
        while time.monotonic() < deadline:
            has_ended = driver.poll() is not None
            if pattern.search(self.log_file.read_bytes()):
                return True
            if has_ended:
                return False
            time.sleep(0.02)
        raise AssertionError(f"the script did not say '{word}'")

    # ------------------------------------------------------------------------------ the end

    def wrong_end(self, status: int, log: str) -> Iterator[str]:
        failure = "\n".join(
            line.removeprefix("!!! ")
            for line in log.splitlines()
            if line.startswith(("!!! ", "nixos-test-driver: "))
        )
        if status not in self.case.statuses:
            yield f"its status is {status}, not {self.case.statuses}: {last_words(failure or log)}"
        elif self.case.words:
            where = log if status in (0, -6, -9) else failure
            if not re.search(self.case.words, where, re.DOTALL):
                yield f"/{self.case.words}/ is not said: {last_words(where)}"

    def leftovers(self) -> Iterator[str]:
        try:
            self.workspace.wait_until_no_process()
        except AssertionError as error:
            yield str(error)
        if left := [*self.workspace.leftovers(), *self.unfinished()]:
            yield f"left: {left}"
        if more := mounts() - self.mounts_before:
            yield f"mounts are left: {sorted(more)}"
        junit = self.workspace.out / "junit.xml"
        if junit.exists() and self.case.end != "sigkill":
            try:
                ElementTree.parse(junit)
            except ElementTree.ParseError as error:
                yield f"the JUnit file is not whole: {error}"

    def unfinished(self) -> Iterator[str]:
        """Temporary files that are left. Those in a dead guest do not count."""
        names = re.compile(r"\.ntd-|copy-|screen-|ntd-|vde\d+\.(ctl|hub)$")
        for directory, directories, files in os.walk(self.workspace.root):
            if "guest" in directories and "vm-state-" in directory:
                directories.remove("guest")
            if Path(directory) == self.workspace.root:
                directories.remove("scripts")
            for name in (*directories, *files):
                if names.match(name):
                    yield os.path.join(directory, name)


def mounts() -> set[str]:
    """The mounts in our own namespace that a run may have made."""
    return {line for line in Path("/proc/self/mounts").read_text().splitlines() if "itest-" in line}


def end_reader(reader: subprocess.Popen[bytes]) -> None:
    """Wait until the reader has read everything; kill it if the pipe is not closed in time."""
    try:
        reader.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        reader.kill()


def last_words(log: str) -> str:
    """The last three lines of the log, joined into one."""
    lines = [line for line in log.splitlines() if line.strip()]
    return " / ".join(line[:200] for line in lines[-3:])


def main() -> None:
    """Run single cases by hand: run.py ID..."""
    from matrix import CASES

    for case in CASES:
        if case.id in sys.argv[1:]:
            print(case)
            print(*problems(case), sep="\n")


if __name__ == "__main__":
    main()
