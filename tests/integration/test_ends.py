"""The end of a run: the last writes, late code, threads, time limits; and its very begin."""

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
