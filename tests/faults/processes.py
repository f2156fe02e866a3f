"""Find the processes of a run by their roles, and make them fail."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness import AT_ONCE, PATIENCE, SLOWNESS, Workspace, processes_with, wait_for_end

PAUSE = 1.0 * SLOWNESS


@dataclass(frozen=True)
class Process:
    """A process of the run, as shown in /proc."""

    pid: int
    parent: int
    comm: str
    words: tuple[str, ...]  # the command line

    @property
    def program(self) -> str:
        return os.path.basename(self.words[0]) if self.words else self.comm


class Processes:
    """All processes of the run that exist now."""

    def __init__(self, workspace: Workspace, driver: int) -> None:
        self.driver = driver
        self.of_web = {pid for pid, _ in processes_with(f"{workspace.base}/vm-state-web")}
        self.all = list(read(pid for pid, _ in processes_with(workspace.id)))

    def find(self, who: str) -> list[int]:
        """The PIDs of the processes with this name in the matrix."""
        return [process.pid for process in self.all if self.is_called(process, who)]

    def is_called(self, process: Process, who: str) -> bool:
        tests: dict[str, Callable[[], bool]] = {
            "driver": lambda: process.pid == self.driver,
            "guard": lambda: process.comm == "ntd-guard" and process.parent == self.driver,
            "qemu": lambda: process.program == "fake_vm" and process.pid in self.of_web,
            "script": lambda: any("run-web-vm" in word for word in process.words)
            and process.program == "sh",
            "control": lambda: process.program == "bash" and process.parent in self.find("qemu"),
            "worker": lambda: process.program == "bash" and process.parent in self.find("control"),
            "command": lambda: process.words == ("sleep", "1000"),
            "vsock": lambda: any(word.endswith("/vhost-device-vsock") for word in process.words),
            "vsock-shells": lambda: process.program == "bash"
            and process.parent in self.find("vsock"),
        }
        return tests.get(who, lambda: process.comm == who)()

    def below(self, pids: list[int]) -> list[int]:
        """These PIDs and those of all their descendants."""
        children = [process.pid for process in self.all if process.parent in pids]
        return pids + self.below(children) if children else pids


def read(pids: Iterator[int]) -> Iterator[Process]:
    for pid in pids:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
            name, _, rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
        except OSError:
            continue  # it has ended
        parent = int(rest.split()[1])
        yield Process(pid, parent, name.partition("(")[2], tuple(words.split("\0")[:-1]))


class Faults:
    """Makes processes of one run fail."""

    def __init__(self, workspace: Workspace, driver: int, reader: int) -> None:
        self.workspace = workspace
        self.driver = driver
        self.reader = reader

    def do(self, fault: str) -> None:
        """Perform a fault: ``VERB WHO``, or ``ask REQUEST`` to send a request to fake_vm."""
        verb, _, who = fault.partition(" ")
        if verb == "ask":
            control = self.workspace.base / "vm-state-web" / "guest" / "control"
            control.write_text(f"{who}\n")
        elif verb == "nofile":
            used = {int(name) for name in os.listdir(f"/proc/{self.driver}/fd")}
            free = min(set(range(len(used) + 1)) - used)
            resource.prlimit(self.driver, resource.RLIMIT_NOFILE, (free, free))
        else:
            self.signal(verb, self.targets(verb, who))

    def signal(self, verb: str, pids: list[int]) -> None:
        number = {"kill": signal.SIGKILL, "term": signal.SIGTERM}.get(verb, signal.SIGSTOP)
        send(number, pids)
        if verb in ("kill", "term") and pids != [self.reader]:
            for pid in pids:
                wait_for_end(pid, time.monotonic() + AT_ONCE)
        if verb == "pause":
            time.sleep(PAUSE)
            send(signal.SIGCONT, pids)

    def targets(self, verb: str, who: str) -> list[int]:
        """The PIDs to send a signal to; waits until there is one.

        For a whole machine, or for a way into one, they include all descendants.
        """
        if who == "reader":
            return [self.reader]
        deadline = time.monotonic() + PATIENCE
        while True:
            processes = Processes(self.workspace, self.driver)
            pids = processes.find("qemu" if who == "guest" else who)
            if pids:
                break
            assert time.monotonic() < deadline, f"there is no {who}: {processes.all}"
            time.sleep(0.02)
        if who == "guest":
            return [pid for pid in processes.below(pids) if pid not in pids]
        stops = verb in ("stop", "pause") and who in ("qemu", "command")
        return processes.below(pids) if stops or who == "vsock" else pids


def send(number: int, pids: list[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
