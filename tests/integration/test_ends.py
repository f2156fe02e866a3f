"""The end of a run: last writes, late code, threads, time limits; and interrupts at its start."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from harness import Conversation, Result, Workspace

RunDriver = Callable[..., Result]
SpawnDriver = Callable[..., Conversation]

# ------------------------------------------------------------------------------- the last writes


@pytest.mark.parametrize(
    "state",
    [
        'web.execute("poweroff", check_output=False)',
        'web.execute("reboot", check_output=False)',
        'web.execute("exec >/dev/null 2>&1; kill -KILL $PPID", check_output=False)',
        "os.kill(web.pid, 9)",
        "os.killpg(web.pid, 19)",
        "web.process.kill()",
        'web.send_monitor_command("stop")',
        "import threading\n"
        'threading.Thread(target=web.execute, args=("sleep 1000",), daemon=True).start()\n'
        "import time; time.sleep(0.5)",
    ],
)
def test_machine_does_not_change_the_verdict(run_driver: RunDriver, state: str) -> None:
    result = run_driver(f'web.succeed("true")\n{state}').must_succeed()
    assert "test script finished in" in result.stderr, str(result)


def test_last_writes_of_all_machines_share_their_time(
    spawn_driver: SpawnDriver, workspace: Workspace
) -> None:
    machines = {name: "" for name in ("a", "b", "c")}
    script = """
        for machine in (a, b, c):
            machine.succeed("true")
        for machine in (a, b, c):
            os.killpg(machine.pid, 19)
    """
    driver = spawn_driver(script, machines)
    for name in machines:
        driver.expect(f"{name}: no `sync` after the test: no answer within 5 s", 30)
    assert driver.end() == 0


def test_condition_in_force_does_not_change_the_verdict(run_driver: RunDriver) -> None:
    script = """
        web.succeed("true")
        holds = True
        @polling_condition(seconds_interval=0)
        def condition():
            return holds
        condition.__enter__()
        web.succeed("true")
        holds = False
    """
    run_driver(script).must_succeed().must_say("no `sync` after the test: Polling condition failed")


# ------------------------------------------------------------------------------------- late code


@pytest.mark.parametrize(
    "late",
    [
        "import atexit; atexit.register(lambda: say())",
        "import weakref\nclass Held: pass\nheld = Held(); weakref.finalize(held, lambda: say())",
        "class Held:\n    def __del__(self): say()\nheld = Held()",
        "class Held:\n    def __del__(self): say()\nheld = Held(); held.own = held",
        "def generator():\n    try: yield 1\n    finally: say()\n"
        "running = generator(); next(running)",
        "import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.5), say())).start()",
        "import atexit, threading, time\n"
        "threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\n"
        "atexit.register(lambda: say())",
    ],
)
def test_late_code_finds_the_names_of_the_script(run_driver: RunDriver, late: str) -> None:
    say = 'web.succeed("true")\ndef say():\n    print(words, flush=True)\n'
    result = run_driver(f'{say}{late}\nwords = "late"').must_succeed()
    assert "late\n" in result.stdout, str(result)
    result.must_not_say("NameError", "ignored")


def test_daemon_thread_finds_the_names_of_the_script(run_driver: RunDriver) -> None:
    script = """
        import threading, time
        def work():
            while True:
                words = name
                time.sleep(0.001)
        name = "a name"
        threading.Thread(target=work, daemon=True).start()
        web.succeed("true")
    """
    run_driver(script).must_succeed().must_not_say("NameError")


# --------------------------------------------------------------------------------------- threads

SERVER = """
    import http.server, threading
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, name="the server").start()
    web.succeed("true")
"""
POOL = """
    import concurrent.futures, threading
    pool = concurrent.futures.ThreadPoolExecutor(thread_name_prefix="the pool")
    pool.submit(threading.Event().wait)
    web.succeed("true")
"""


@pytest.mark.parametrize(("script", "name"), [(SERVER, "the server"), (POOL, "the pool_0")])
def test_thread_that_does_not_end_is_named_and_left(
    run_driver: RunDriver, script: str, name: str
) -> None:
    result = run_driver(script).must_succeed()
    result.must_say(f"waiting 10 s for non-daemon threads: {name}")
    result.must_say(f"non-daemon threads are still running: {name}")


def test_thread_that_ends_in_time_is_waited_for(run_driver: RunDriver) -> None:
    script = """
        import threading, time
        def work():
            time.sleep(2)
            print("the work is done", flush=True)
        threading.Thread(target=work, name="worker").start()
    """
    result = run_driver(script).must_succeed()
    assert "the work is done\n" in result.stdout
    result.must_say("waiting 10 s for non-daemon threads: worker")
    result.must_not_say("left behind")


# ----------------------------------------------------------------------------------- time limits


@pytest.mark.parametrize(
    "late",
    [
        SERVER.replace("\n    ", "\n"),
        "import atexit, time\natexit.register(time.sleep, 1000)",
        "import time\nclass Held:\n    def __del__(self): time.sleep(1000)\nheld = Held()",
    ],
)
def test_global_time_limit_counts_until_the_process_is_gone(
    run_driver: RunDriver, late: str
) -> None:
    result = run_driver(late, args=["--global-timeout", "3"])
    assert result.returncode == -signal.SIGTERM, str(result)
    result.must_say("test script finished in", "cleanup", "timeout reached; test terminating")


def test_global_time_limit_counts_while_networks_start(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    workspace.write("vde_switch", "#!/bin/sh\nexec sleep 1000\n", 0o755)
    path = f"{workspace.scripts}:/usr/bin:/bin"
    result = run_driver("", vlans=[1], args=["--global-timeout", "1"], env={"PATH": path})
    assert result.returncode == -signal.SIGTERM, str(result)
    result.must_say("timeout reached; test terminating")


def test_time_limit_of_a_command_is_no_failure_of_it(run_driver: RunDriver) -> None:
    script = """
        with t.assertRaisesRegex(Exception, "action timed out"):
            web.wait_until_fails("sleep 1000", timeout=1)
        assert web.wait_until_fails("echo own; exit 124", timeout=60) == "own\\n"
    """
    run_driver(script).must_succeed()


# ---------------------------------------------------------------------- interrupts at the begin


@pytest.mark.parametrize(
    "site",
    [
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n",
        "import os, signal, sys\n"
        "class Finder:\n"
        "    @staticmethod\n"
        "    def find_spec(name, path, target=None):\n"
        "        if name == 'test_driver.main':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder)\n",
    ],
)
@pytest.mark.parametrize("args", [[], ["--list-methods"]])
def test_interrupt_while_python_starts(
    run_driver: RunDriver, workspace: Workspace, site: str, args: list[str]
) -> None:
    if args:
        site = site.replace("test_driver.main", "test_driver.reference")
    workspace.write("sitecustomize.py", site)
    env = {"PYTHONPATH": str(workspace.scripts)}
    result = run_driver('web.succeed("true")', args=args, env=env)
    assert result.returncode == -signal.SIGINT, str(result)
    result.must_not_say("starting vm", "Traceback")


# ------------------------------------------------------------------------------------ the reason


@pytest.mark.parametrize("half", ["\\ud800", "\\udfff", "\\udc80"])
@pytest.mark.parametrize(
    "failure",
    [
        'raise ValueError("before{half}after")',
        'with subtest("part {half}"):\n    raise ValueError("before{half}after")',
        'log.warning("{half}"); log.log_serial("{half}", "web"); web.log("{half}")\n'
        'raise ValueError("before{half}after")',
    ],
)
def test_half_of_a_surrogate_pair_does_not_lose_the_reason(
    run_driver: RunDriver, failure: str, half: str
) -> None:
    result = run_driver(failure.replace("{half}", half)).must_fail()
    result.must_blame("ValueError: before", "after", "line ")


def test_half_of_a_surrogate_pair_in_a_threads_failure(run_driver: RunDriver) -> None:
    script = """
        import threading
        def fail():
            raise ValueError("before\\ud800after")
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
    """
    run_driver(script).must_succeed().must_say("ValueError: before\\ud800after")
