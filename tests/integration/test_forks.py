"""Forks that a script's Python code makes: they never disturb the driver."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest

from harness import CLEAN_UP, Conversation, Result, Workspace

RunDriver = Callable[..., Result]
SpawnDriver = Callable[..., Conversation]

# The fork runs until the test replaces END by a statement that ends it; `ended` is its wait status.
FORK = """
    import os, signal, sys, threading, time
    web.succeed("true")
    ready, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        {child}
    {parent}
    ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    print("ended with", ended)
    assert web.succeed("echo the machine lives") == "the machine lives\\n"
"""


def forking(child: str, parent: str = "pass") -> str:
    return FORK.format(child=child, parent=parent)


def assert_untouched(result: Result, ended: int) -> None:
    """Check the fork's wait status, and that the test went on and was cleaned up only once."""
    result.must_succeed()
    assert f"ended with {ended}\n" in result.stdout, str(result)
    assert result.stderr.count("test script finished in") == 1, str(result)
    assert result.stderr.splitlines().count("cleanup") == 1, str(result)
    assert result.stderr.count("web: kill machine") == 1, str(result)


@pytest.mark.parametrize(
    ("child", "ended"),
    [
        ("sys.exit(0)", 0),
        ("sys.exit(7)", 7),
        ("sys.exit('a reason')", 1),
        ("raise ValueError('of the fork')", 1),
        ("del web, machine; driver = machines = None; sys.exit(3)", 3),
        ("exec('def f():\\n    own = web\\n    sys.exit(4)\\nf()')", 4),
        ("os._exit(5)", 5),
    ],
)
def test_end_of_a_fork_is_its_own(run_driver: RunDriver, child: str, ended: int) -> None:
    assert_untouched(run_driver(forking(child)), ended)


def test_fork_that_runs_to_the_scripts_end(run_driver: RunDriver) -> None:
    script = """
        import os
        web.succeed("true")
        pid = os.fork()
        if pid:
            print("ended with", os.waitpid(pid, 0)[1])
            web.succeed("true")
    """
    assert_untouched(run_driver(script), 0)


def test_fork_in_a_polling_condition(run_driver: RunDriver) -> None:
    script = """
        import os, sys
        web.succeed("true")
        @polling_condition(seconds_interval=0)
        def forks():
            pid = os.fork()
            if pid == 0:
                sys.exit(3)
            print("ended with", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        with forks:
            web.succeed("true")
    """
    assert_untouched(run_driver(script), 3)


def test_fork_in_a_thread(run_driver: RunDriver) -> None:
    script = """
        import os, sys, threading
        web.succeed("true")
        def fork():
            pid = os.fork()
            if pid == 0:
                sys.exit()
            print("ended with", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        thread = threading.Thread(target=fork)
        thread.start()
        thread.join()
        web.succeed("true")
    """
    assert_untouched(run_driver(script), 0)


def test_fork_while_other_threads_hold_locks(run_driver: RunDriver) -> None:
    """No call in a fork waits for a thread that exists only in the driver."""
    child = (
        "exec('for number in range(20):\\n"
        "    log.info(f\"words {number}\")\\n"
        "    with log.nested(\"part\"): pass\\n"
        "try:\\n    web.succeed(\"true\")\\n"
        "except RuntimeError as error: print(\"refused:\", error, flush=True)\\n"
        "sys.exit(6)')"
    )
    script = f"""
        import os, sys, threading
        web.succeed("true")
        go_on = True
        def chat():
            while go_on:
                log.debug("chatter")
                web.succeed("true")
        threads = [threading.Thread(target=chat) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(30):
            pid = os.fork()
            if pid == 0:
                {child}
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 6
        go_on = False
        for thread in threads:
            thread.join()
    """
    result = run_driver(script).must_succeed()
    assert result.stderr.count("words 19") == 30, str(result)
    assert result.stdout.count("refused: ") == 30 and "is a fork of the driver" in result.stdout


@pytest.mark.parametrize(
    "call",
    ["web.succeed('true')", "web.start()", "web.crash()", "web.release()", "vlan1.stop()"]
    + ["start_all()", "vlan1.capture('x.pcap')", "create_machine('true').start()"],
)
def test_machines_and_networks_refuse_a_fork(run_driver: RunDriver, call: str) -> None:
    result = run_driver(forking(call), vlans=[1])
    assert_untouched(result, 1)
    result.must_say("is a fork of the driver")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_signal_to_a_fork_ends_the_fork(run_driver: RunDriver, number: int) -> None:
    script = forking("time.sleep(1000)", f"os.kill(pid, {int(number)})")
    assert_untouched(run_driver(script), -number)


def test_scripts_own_handler_is_the_forks_too(run_driver: RunDriver) -> None:
    child = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(9)); os.write(told, b'.'); " + (
        "time.sleep(1000)"
    )
    parent = "os.read(ready, 1); os.kill(pid, signal.SIGTERM)"
    assert_untouched(run_driver(forking(child, parent)), 9)


# ------------------------------------------------------------------------------ modules that fork


def test_terminating_a_process_of_multiprocessing(run_driver: RunDriver) -> None:
    script = """
        import multiprocessing, time
        helper = multiprocessing.Process(target=time.sleep, args=(1000,))
        helper.start()
        helper.terminate()
        helper.join()
        print("ended with", helper.exitcode)
        web.succeed("echo the test goes on")
    """
    assert_untouched(run_driver(script), -signal.SIGTERM)


def test_pool(run_driver: RunDriver) -> None:
    script = """
        import multiprocessing
        web.succeed("true")
        with multiprocessing.Pool(2) as pool:
            print("ended with", sum(pool.map(abs, [-1, -2])))
        web.succeed("true")
    """
    assert_untouched(run_driver(script), 3)


def test_process_pool_executor(run_driver: RunDriver) -> None:
    script = """
        import concurrent.futures
        web.succeed("true")
        with concurrent.futures.ProcessPoolExecutor(2) as pool:
            print("ended with", sum(pool.map(abs, [-1, -2])))
        web.succeed("true")
    """
    assert_untouched(run_driver(script), 3)


def test_daemon_of_multiprocessing_ends_with_the_test(run_driver: RunDriver) -> None:
    script = """
        import multiprocessing, time
        web.succeed("true")
        multiprocessing.Process(target=time.sleep, args=(1000,), daemon=True).start()
        print("ended with 0")
    """
    assert_untouched(run_driver(script), 0)


def test_preexec_fn(run_driver: RunDriver) -> None:
    script = """
        import os, subprocess
        web.succeed("true")
        command = ["sh", "-c", "echo out of $$; ls -l /proc/self/fd; exit 2"]
        done = subprocess.run(command, preexec_fn=os.setsid, stdout=subprocess.PIPE, text=True)
        print("ended with", done.returncode)
        assert "socket:" not in done.stdout, done.stdout
        web.succeed("true")
    """
    assert_untouched(run_driver(script), 2)


# ------------------------------------------------------------------------- the end of the driver


def test_fork_has_nothing_of_the_drivers(run_driver: RunDriver) -> None:
    """A fork has /dev/null for each of the driver's file descriptors."""
    show = "print(*(os.readlink(f'/proc/self/fd/{fd}') for fd in os.listdir('/proc/self/fd') " + (
        "if os.path.exists(f'/proc/self/fd/{fd}')), sep='\\n', flush=True); sys.exit(0)"
    )
    result = run_driver(forking(show), vlans=[1])
    assert_untouched(result, 0)
    kinds = [line.split(":")[0] for line in result.stdout.splitlines()]
    assert "socket" not in kinds and "anon_inode" not in kinds, result.stdout
    assert kinds.count("pipe") <= 4, result.stdout  # its own two ends, stdout and stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_fork_does_not_keep_machines_alive(
    spawn_driver: SpawnDriver, workspace: Workspace, number: int
) -> None:
    script = """
        import os, time
        web.succeed("true")
        pid = os.fork()
        if pid == 0:
            os.setsid()
            for fd in range(3):
                os.close(fd)
            time.sleep(1000)
        log.log(f"busy {pid}")
        time.sleep(1000)
    """
    driver = spawn_driver(script, vlans=[1])
    fork = int(driver.expect(r"^busy (\d+)").group(1))
    driver.signal(number)
    assert driver.end() == -number
    deadline = time.monotonic() + CLEAN_UP
    while (left := workspace.processes()).keys() != {fork}:
        assert time.monotonic() < deadline, f"not the fork alone is left: {left}"
        time.sleep(0.01)
    os.kill(fork, signal.SIGKILL)  # the driver leaves it alone: it belongs to the script
