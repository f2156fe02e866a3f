"""A guest that sends endless output: the driver's memory stays limited, and it keeps working."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from containers import start_script
from harness import Result, Workspace

RunDriver = Callable[..., Result]

# Functions for scripts that check how much the peak of the driver's memory has grown.
PRELUDE = """
    import time
    from test_driver.errors import MachineError

    def highest():
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) >> 10 for line in status if line.startswith("VmHWM"))

    MIB = 1 << 20
    serial_stdout_off()
    begin = highest()

    def must_have_grown_less_than(mebibytes):
        grown = highest() - begin
        assert grown < mebibytes, f"{grown} MiB more than at the begin"

    def must_fail(command, *words, **options):
        try:
            web.execute(command, **options)
        except MachineError as error:
            missing = [word for word in words if word not in str(error)]
            assert not missing, (missing, str(error))
        else:
            raise AssertionError("it did not fail")
        assert web.succeed("echo usable") == "usable\\n"
"""


@pytest.fixture
def run(run_driver: RunDriver) -> RunDriver:
    def with_prelude(script: str, *args: Any, **options: Any) -> Result:
        # By default, AddressSanitizer keeps much of the freed memory.
        sanitizer = os.environ.get("ASAN_OPTIONS", "detect_leaks=0") + ":quarantine_size_mb=1"
        env = {"ASAN_OPTIONS": sanitizer, **options.pop("env", {})}
        whole = textwrap.dedent(PRELUDE) + textwrap.dedent(script)
        return run_driver(whole, *args, env=env, limit=600, **options).must_succeed()

    return with_prelude


# -------------------------------------------------------------------------------------- consoles


def test_console_that_never_stops(run: RunDriver) -> None:
    run(
        """
        web.succeed("echo first of all >&2; (yes $(printf %01000d 7) || :) | head -c 400M >&2; echo >&2; echo last >&2")
        web.wait_for_console_text("first of all")
        web.wait_for_console_text("last")
        must_have_grown_less_than(200)
        assert web.last_lines.qsize() == 0
        web.succeed("echo more >&2")
        assert web.last_lines.get() == "more"
        """
    )


def test_log_of_a_long_console_is_complete(run: RunDriver) -> None:
    run(
        """
        web.succeed("for i in {100000..199999}; do printf '%s%01000d\\\\n' $i 7; done >&2; echo END >&2")
        web.wait_for_console_text("END")
        must_have_grown_less_than(80)
        text = web.get_console_log()
        lines = [line[:6] for line in text.splitlines() if line.endswith("07")]
        assert lines == [str(i) for i in range(100000, 200000)], len(lines)
        assert "Linux version" in text[:200]
        """
    )


def test_matches_in_what_has_left_the_memory(run: RunDriver) -> None:
    run(
        """
        web.succeed("echo needle one >&2; (yes $(printf %01000d 7) || :) | head -c 40M >&2; echo >&2")
        web.succeed("printf 'needle\\\\ntwo\\\\n' >&2; (yes $(printf %01000d 7) || :) | head -c 40M >&2; echo >&2")
        web.succeed("echo needle three >&2")
        web.wait_for_console_text("needle one")
        web.wait_for_console_text(r"needle\\ntwo")
        web.wait_for_console_text("(?s)needle.*three")
        must_have_grown_less_than(250)
        try:
            web.wait_for_console_text("needle", timeout=0.1)
        except Exception:
            pass
        else:
            raise AssertionError("it was consumed")
        """
    )


def test_wait_for_what_never_comes_on_a_console_that_never_stops(run: RunDriver) -> None:
    run(
        """
        web.execute("yes $(printf %01000d 7) >&2", check_output=False)
        for pattern in ("never", "never\\\\ncomes"):
            begin_of_wait = time.monotonic()
            try:
                web.wait_for_console_text(pattern, timeout=2)
            except Exception as error:
                assert "did not appear" in str(error), error
            assert time.monotonic() - begin_of_wait < 30
        must_have_grown_less_than(250)
        web.crash()
        """
    )


def test_line_without_end(run: RunDriver) -> None:
    run(
        """
        web.succeed("head -c 300M /dev/zero | tr '\\\\0' x >&2; echo; echo last >&2")
        web.wait_for_console_text("last")
        must_have_grown_less_than(150)
        """
    )


def test_start_script_that_never_stops(run_driver: RunDriver, workspace: Workspace) -> None:
    body = "head -c 20000000 /dev/zero | tr '\\0' x >&2; echo >&2; echo why >&2; exit 3"
    scripts = {"web": workspace.start_script("web", body=body)}
    result = run_driver("web.start()", scripts=scripts, args=["--log-level", "warning"])
    result.must_fail("why")
    assert len(result.failure) < 100_000


def test_words_before_the_greeting(run: RunDriver) -> None:
    result = run("web.connect(); must_have_grown_less_than(60)", {"web": "--shell-flood=300"})
    said = next(line for line in result.stderr.splitlines() if "Guest shell says" in line)
    assert said.endswith("Spawning backdoor root shell...\\n'") and len(said) < 10_000


# ------------------------------------------------------------------------------ output of commands


@pytest.mark.parametrize("machine", ("", "--no-port"))
@pytest.mark.parametrize(
    "command", ("yes", "trap '' TERM; yes", "(trap '' TERM; yes) & disown; sleep 60")
)
def test_output_without_end(run: RunDriver, machine: str, command: str) -> None:
    words = ["web", "more than 20971520 bytes (--max-output)", "was ended"]
    script = f"web.connect()\nmust_fail({command!r}, *{words})\nmust_have_grown_less_than(200)"
    run(script, {"web": machine}, args=["--max-output", "20M"])


def test_output_that_is_shown_has_a_limit_too(run: RunDriver) -> None:
    script = "must_fail('yes', 'more than 1024 bytes')"
    run(script, args=["--stream-output"], env={"NTD_MAX_OUTPUT": "1K"})


def test_output_up_to_the_limit(run: RunDriver) -> None:
    script = """
        assert len(web.succeed("head -c 1048576 /dev/zero | tr '\\\\0' x")) == MIB
        must_fail("head -c 1048577 /dev/zero | tr '\\\\0' x", "more than 1048576 bytes")
    """
    run(script, args=["--max-output", "1M"])


def test_copies_have_no_limit(run: RunDriver, workspace: Workspace) -> None:
    script = """
        web.succeed("head -c 3000000 /dev/urandom >big")
        web.copy_from_machine(web.succeed("readlink -f big").strip())
    """
    run(script, args=["--max-output", "10K"])
    assert (workspace.out / "big").stat().st_size == 3_000_000


@pytest.mark.parametrize("machine", ("", "--no-port"))
@pytest.mark.parametrize("command", ("yes", "trap '' TERM; yes"))
def test_time_limit_of_a_command_that_never_stops(
    run: RunDriver, machine: str, command: str
) -> None:
    script = f"""
        web.connect()
        begin_of_command = time.monotonic()
        try:
            assert web.execute({command!r}, timeout=1)[0] == 124
        except MachineError as error:  # it was as fast as that
            assert "--max-output" in str(error)
        assert time.monotonic() - begin_of_command < 60
        assert web.succeed("echo usable") == "usable\\n"
    """
    run(script, {"web": machine}, args=["--max-output", "20G"])


def test_output_in_the_log_of_a_failed_command(run_driver: RunDriver) -> None:
    script = "web.succeed('(yes $(printf %01000d 7) || :) | head -c 20M; echo; false')"
    result = run_driver(script).must_fail("web: output: (419", "bytes before this are cut)")
    assert len(result.stderr) < 16 << 21  # twice the limit, as each line has a prefix


# ------------------------------------------------------------------------------------- containers


@pytest.fixture
def run_on_box(run: RunDriver, workspace: Workspace) -> RunDriver:
    """Run a script with a container called box; PRELUDE uses it as ``web``."""
    if os.geteuid() != 0:
        pytest.skip("containers take root")
    containers = {"box": start_script(workspace, "box")}
    return lambda script, **options: run(f"web = box\n{script}", containers=containers, **options)


@pytest.mark.parametrize("command", ("yes", "trap '' TERM; yes"))
def test_output_of_a_container_without_end(run_on_box: RunDriver, command: str) -> None:
    words = ["machine 'box'", "more than 20971520 bytes (--max-output)", "was ended"]
    script = f"web.start()\nmust_fail({command!r}, *{words})\nmust_have_grown_less_than(200)"
    run_on_box(script, args=["--max-output", "20M"])


def test_time_limit_of_a_container_that_never_stops(run_on_box: RunDriver) -> None:
    script = """
web.start()
begin_of_command = time.monotonic()
try:
    web.execute("trap '' TERM; yes", timeout=1)
except Exception as error:
    assert "timed out after 1.0 seconds" in str(error), error
else:
    raise AssertionError("it has no time limit")
assert time.monotonic() - begin_of_command < 60
assert web.succeed("echo usable") == "usable\\n"
"""
    run_on_box(script, args=["--max-output", "20G"])


# --------------------------------------------------------------------------------- what else grows

# A stand-in for QEMU that opens the sockets, and floods the driver over one of them.
HOSTILE_QEMU = """
    import json, socket, sys, threading, time

    def after(option):
        return sys.argv[sys.argv.index(option) + 1]

    def path_in(text):
        return dict(part.split("=", 1) for part in text.split(",") if "=" in part)["path"]

    qmp_path = after("-qmp").removeprefix("unix:").split(",")[0]
    chardevs = [sys.argv[i + 1] for i, word in enumerate(sys.argv) if word == "-chardev"]
    shell_path = path_in(next(each for each in chardevs if "id=shell," in each))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(qmp_path)
    listener.listen()
    monitor = socket.socket(socket.AF_UNIX)
    monitor.connect(after("-monitor").removeprefix("unix:"))
    monitor.sendall(b"QEMU 7 monitor\\r\\n(qemu) ")
    others = []
    for each in chardevs:
        if "path=" in each and "server" not in each:
            others.append(socket.socket(socket.AF_UNIX))
            others[-1].connect(path_in(each))
    MIB = 1 << 20

    def serve_monitor():
        while monitor.recv(4096):
            for _ in range(HMP_MIB):
                monitor.sendall(b"~" * (MIB - 1) + b"\\n")
            monitor.sendall(b"(qemu) ")

    threading.Thread(target=serve_monitor, daemon=True).start()
    channel, _ = listener.accept()
    lines = channel.makefile("rw")
    def say(message):
        print(json.dumps(message), file=lines, flush=True)
    say({"QMP": {"version": {}, "capabilities": []}})
    for line in lines:
        request = json.loads(line)
        if request["execute"] == "events":
            for number in range(3000):
                say({"event": "NUMBER", "data": {"number": number, "text": "~" * 100_000}})
        if request["execute"] == "answers":
            for number in range(3000):
                say({"return": "~" * 100_000, "id": number + 10_000})
        if request["execute"] == "endless":
            while True:
                lines.write("~" * MIB)
        if request["execute"] == "garbage":
            while True:
                lines.write("~\\n" * 10_000)
        say({"return": {}, "id": request["id"]})
"""


def hostile_qemu(workspace: Workspace, monitor_mebibytes: int = 0) -> dict[str, Path]:
    program = textwrap.dedent(HOSTILE_QEMU).replace("HMP_MIB", str(monitor_mebibytes))
    path = workspace.write("qemu.py", program)
    return {"web": workspace.start_script("web", body=f'exec python3 {path} "$@"')}


def test_events_of_qemu_that_nobody_asks_for(run: RunDriver, workspace: Workspace) -> None:
    script = """
        web.start()
        web.qmp_client.send("events")
        must_have_grown_less_than(150)
        last = None
        for event in web.qmp_client.events(timeout=1):
            last = event["data"]["number"]
        assert last == 2999, last
    """
    run(script, scripts=hostile_qemu(workspace))


def test_answers_of_qemu_that_nobody_asks_for(run: RunDriver, workspace: Workspace) -> None:
    script = """
        web.start()
        web.qmp_client.send("answers")
        must_have_grown_less_than(100)
    """
    run(script, scripts=hostile_qemu(workspace))


@pytest.mark.parametrize("what", ("endless", "garbage"))
def test_message_of_qemu_that_is_none(run: RunDriver, workspace: Workspace, what: str) -> None:
    script = f"""
        web.start()
        try:
            web.qmp_client.send("{what}")
        except MachineError as error:
            assert "QMP: not a message: '~" in str(error), error
        else:
            raise AssertionError("it did not fail")
        time.sleep(1)
        must_have_grown_less_than(300)
    """
    run(script, scripts=hostile_qemu(workspace))


def test_answer_of_the_monitor_without_end(run: RunDriver, workspace: Workspace) -> None:
    script = """
        web.start()
        try:
            web.send_monitor_command("info all")
        except MachineError as error:
            assert "machine 'web': QEMU's monitor sent an answer of more than" in str(error), error
        else:
            raise AssertionError("it did not fail")
        must_have_grown_less_than(250)
    """
    run(script, scripts=hostile_qemu(workspace, monitor_mebibytes=300))



def test_log_that_waits_for_a_line_editor(run: RunDriver) -> None:
    run(
        """
        import os
        from test_driver.repl.above import MOST, Pending
        pending = Pending()
        for number in range(300):
            pending.add(b"x" * MIB)
        assert not pending
        pending.add(b"\\n" + b"y\\n" * (9 * MIB))
        must_have_grown_less_than(100)
        for number in range(300):
            pending.add(b"x" * (MIB - 1) + b"\\n")
        must_have_grown_less_than(100)
        """
    )
