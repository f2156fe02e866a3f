"""Floors: the time that the host itself needs, measured together with the drivers."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from figures import Samples

# The text and unit of each floor in the head of the table.
TOLD = {
    "python": ("python3 -sE -c pass", "ms"),
    "python_resident": ("resident", "MB"),
    "bash": ("fork and exec of bash -c true", "ms"),
    "fork": ("a forked subshell and a pipe", "ms"),
    "pipe": ("raw pipe", "MB/s"),
}


def measure(python: Path, repeats: int, mib: int) -> Samples:
    """Measure all floors; takes about a second."""
    return {
        "python": [_run_ms(str(python), "-sE", "-c", "pass") for _ in range(max(1, repeats // 4))],
        "python_resident": [_resident_mb(python)],
        "bash": [_run_ms("/bin/bash", "-c", "true") for _ in range(repeats)],
        "fork": [_fork_ms(repeats)],
        "pipe": [_pipe_rate(mib)],
    }


def _run_ms(*argv: str) -> float:
    begin = time.perf_counter()
    os.waitpid(os.posix_spawn(argv[0], argv, os.environ), 0)
    return (time.perf_counter() - begin) * 1000


def _resident_mb(python: Path) -> float:
    """The resident memory of a Python process, in MB.

    wait4() would include the memory of the parent before exec.
    """
    tell = "print(*open('/proc/self/status'))"
    lines = _output_of(str(python), "-sE", "-c", tell).splitlines()
    peak = next(line for line in lines if line.strip().startswith("VmHWM"))
    return int(peak.split()[1]) / 1000


def _fork_ms(repeats: int) -> float:
    loop = f"for ((n = 0; n < {repeats}; n++)); do r=$(:); done"
    command = f"a=${{EPOCHREALTIME/[.,]/}}; {loop}; echo $((${{EPOCHREALTIME/[.,]/}} - a))"
    return int(_output_of("/bin/bash", "--norc", "-c", command)) / 1000 / repeats


def _pipe_rate(mib: int) -> float:
    """The rate of the output benchmark's command when it is read directly from a pipe."""
    command = ["/bin/sh", "-c", f"head -c {mib}M /dev/zero | tr '\\0' x"]
    begin = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while os.read(process.stdout.fileno(), 1 << 20):
            pass
    return (mib << 20) / 1e6 / (time.perf_counter() - begin)


def _output_of(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout
