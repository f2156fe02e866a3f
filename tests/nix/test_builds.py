"""Tests with fake machines as Nix builds: passing, failing, interrupted, sandboxed; the prompt."""

from __future__ import annotations

import os
import pty
import select
import signal
import socket
import subprocess
import sys
import time

import pytest

import nix

TWO_MACHINES = nix.fake("web-1") + nix.fake("client")

# Checks what a script can use inside the sandbox, and what must not be there.
SANDBOX_SCRIPT = """
    import os, socket, sys

    assert os.environ["HOME"] == "/homeless-shelter", os.environ["HOME"]
    assert os.environ["TMPDIR"] == "/build", os.environ["TMPDIR"]
    assert sys.stdin.read() == ""
    assert [name for _, name in socket.if_nameindex()] == ["lo"]
    with t.assertRaises(OSError):
        socket.create_connection(("127.0.0.1", PORT), timeout=5)
    start_all()
    path = machine.succeed("echo inside > file && readlink -f file").strip()
    machine.copy_from_machine(path, "copies")
    machine.screenshot("screen")
"""

# Compare the files, except those of the host, before and after the run of the driver.
LIST_FILES = (
    "find / -xdev -path /usr -prune -o -path /proc -prune -o -path /build -prune -o -path $out"
    " -prune -o -print"
)
WATCH_FILES = f"""
    test: test.overrideAttrs (old: {{
      buildCommand = ''
        mkdir -p $out
        list() {{ {LIST_FILES} | sort; }}
        list > /build/before
        ${{old.buildCommand}}
        list > /build/after
        diff /build/before /build/after
        ls -A /build > $out/build-directory
      '';
    }})
"""


@pytest.mark.parametrize("generation", ["flags", "config"])
def test_batch(generation: str) -> None:
    script = """
        start_all()
        with subtest("both answer"):
            assert web_1.succeed("echo 1") == "1\\n"
            client.succeed("true")
        assert [vlan.nr for vlan in vlans] == [1]
        with open(driver.out_dir / "seen", "w") as file:
            print(sorted(machine.name for machine in machines), file=file)
    """
    expression = nix.test_expression(
        "batch", script, TWO_MACHINES, generation=generation, check=True
    )
    result = nix.build(expression).must_succeed()
    assert result.path.name.endswith("-vm-test-run-batch")
    assert (result.path / "seen").read_text() == "['client', 'web-1']\n"
    result.must_say("Success: no issues found in 1 source file", "test script finished in ")

    again = nix.build(expression).must_succeed()
    assert (again.path, again.log) == (result.path, ""), str(again)


def test_module_and_overlay_together() -> None:
    settings = f"imports = [ {nix.ROOT}/nix/test-module.nix ];"
    nix.build(
        nix.test_expression("both", "machine.succeed('true')", nix.fake("web"), settings=settings)
    ).must_succeed().must_say("test script finished in ")


@pytest.mark.parametrize("generation", ["flags", "config"])
def test_failing_script_fails_the_build_and_shows_the_line(generation: str) -> None:
    script = "machine.start()\nmachine.succeed('test 1 = 2')\n"
    expression = nix.test_expression("fails", script, nix.fake("web"), generation=generation)
    result = nix.build(expression)
    result.must_fail(
        '!!!   File "<string>", line 2, in <module>', "!!!     machine.succeed('test 1 = 2')"
    )
    result.must_say(
        "command `test 1 = 2` failed (exit code 1)",
        "vm-test-run-fails.drv' failed with exit code 1",
    )


def test_types_and_names_are_checked_before_anything_runs() -> None:
    types = nix.build(
        nix.test_expression("types", "machine.wait_for_unit(1)\n", nix.fake("web"), check=True)
    )
    types.must_fail(
        'Argument 1 to "wait_for_unit"', "nixos-test-driver-types.drv' failed with exit code 1"
    )
    names = nix.build(nix.test_expression("names", "del machin\n", nix.fake("web")))
    names.must_fail("machin", "nixos-test-driver-names.drv' failed with exit code 1")


def test_sandbox_is_all_that_is_seen_and_written() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        script = SANDBOX_SCRIPT.replace("PORT", str(server.getsockname()[1]))
        test = nix.test_expression("sandbox", script, nix.fake("machine"))
        result = nix.build(f"({WATCH_FILES}) ({test})").must_succeed()
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert (result.path / "copies" / "file").read_text() == "inside\n"
    assert (result.path / "screen.png").read_bytes().startswith(b"\x89PNG")
    # Only the state of machines and an empty shared directory stay in the build directory.
    left = set((result.path / "build-directory").read_text().split())
    assert left <= {"before", "after", "env-vars", "vm-state-machine", "shared-xchg"}, left


def test_global_timeout_ends_the_build() -> None:
    expression = nix.test_expression(
        "slow",
        "machine.succeed('sleep 600')",
        nix.fake("web"),
        settings="globalTimeout = 2;",
        generation="flags",
    )
    nix.build(expression).must_fail("timeout reached; test terminating...")


# Not SIGKILL: it prevents Nix from ending any builder.
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_build_leaves_no_process(number: int) -> None:
    script = "machine.succeed('sleep 654')"
    expression = nix.test_expression(f"stop-{number}", script, nix.fake("web"))
    with nix.start_build(expression) as process:
        nix.wait_for_process("sleep 654")
        process.send_signal(number)
        assert process.wait(20) != 0
    nix.wait_until_no_process()


# ------------------------------------------------------------------------------ driverInteractive


def as_nobody() -> None:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


def read_until(terminal: int, text: str, seen: str = "", limit: float = 300.0) -> str:
    deadline = time.monotonic() + limit
    while text not in seen:
        ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"{text!r} does not come:\n{seen}"
        try:
            seen += os.read(terminal, 65536).decode(errors="replace")
        except OSError:  # the other side has closed the terminal
            raise AssertionError(f"ended before {text!r}:\n{seen}") from None
    return seen


@pytest.mark.parametrize("generation", ["flags", "config"])
def test_neither_a_virtual_environment_nor_the_users_packages_change_it(generation: str) -> None:
    script = """
        import importlib.util, sys

        assert "venv" not in sys.prefix, sys.prefix
        assert importlib.util.find_spec("of_the_user") is None
        machine.succeed("true")
    """
    expression = nix.test_expression("clean", script, nix.fake("web"), generation=generation)
    driver = nix.build(expression, "-A", "driver").must_succeed().path
    home = nix.WORK / f"home-{generation}"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = home / ".local" / "lib" / version / "site-packages"
    packages.mkdir(parents=True)
    (packages / "of_the_user.py").touch()
    (home / "venv" / "bin").mkdir(parents=True)
    (home / "venv" / "lib" / version / "site-packages").mkdir(parents=True)
    (home / "venv" / "bin" / "python3").symlink_to(f"{nix.USR}/bin/python3")
    (home / "venv" / "pyvenv.cfg").write_text(f"home = {nix.USR}/bin\n")
    (home / "out").mkdir()
    nix.run(
        driver / "bin" / "nixos-test-driver",
        "-o",
        home / "out",
        env={"HOME": str(home), "VIRTUAL_ENV": str(home / "venv"), "TMPDIR": str(home)},
    ).must_succeed().must_say("test script finished in ")


@pytest.mark.parametrize("generation", ["flags", "config"])
def test_interactive_driver_runs_anywhere_as_an_ordinary_user(generation: str) -> None:
    expression = nix.test_expression("talk", "pass", nix.fake("web"), generation=generation)
    driver = nix.build(expression, "-A", "driverInteractive").must_succeed().path
    home = nix.WORK / f"nobody-{generation}"
    home.mkdir()
    os.chown(home, 65534, 65534)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [driver / "bin" / "nixos-test-driver"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=home,
        env={
            "PATH": "/usr/bin",
            "TERM": "xterm",
            "HOME": str(home),
            "TMPDIR": str(home),
            "NTD_REPL": "python",  # the other prompts send queries to the terminal
        },
        preexec_fn=as_nobody,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        read_until(ours, ">>> ")
        os.write(ours, b"print('answer', 7 * int(web.succeed('echo 6')))\n")
        read_until(ours, ">>> ", read_until(ours, "answer 42").partition("answer 42")[2])
        os.write(ours, b"\x04")
        assert process.wait(20) == 0
    finally:
        process.kill()
        os.close(ours)
    assert (home / ".nixos-test-history").exists()
