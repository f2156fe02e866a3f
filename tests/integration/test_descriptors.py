"""No call leaks file descriptors: a test can repeat it any number of times."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Callable

import pytest

from harness import PATIENCE, Result, Workspace

RunDriver = Callable[..., Result]

# After twenty calls, no more file descriptors are open than after two.
COUNT = """
    def open_descriptors():
        gc.collect()
        return {fd: os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
                if os.path.lexists(f"/proc/self/fd/{fd}")}

    web.start(allow_reboot=True)
    web.connect()
    for _ in range(2):
        call()
    before = open_descriptors()
    for _ in range(20):
        call()
    after = open_descriptors()
    assert len(after) <= len(before), sorted(set(after.items()) - set(before.items()))
"""

COMMANDS = {
    "execute": 'web.execute("true")',
    "execute with a time limit": 'web.execute("sleep 1000", timeout=0.05)',
    "detached": 'web.execute("true", check_output=False)',
    "succeed": 'web.succeed("echo x", "seq 10000")',
    "fail": 'web.fail("false")',
    "an error": 'with t.assertRaises(Exception): web.succeed("false")',
    "wait_until_succeeds": 'web.wait_until_succeeds("true")',
    "wait_until_succeeds in vain": """
        with t.assertRaises(Exception): web.wait_until_succeeds("false", timeout=0.05)""",
    "wait_for_file": 'web.wait_for_file("/etc/passwd")',
    "wait_for_unit": 'web.wait_for_unit("multi-user.target")',
    "wait_for_console_text": """
        web.succeed("echo hello >&2")
        web.wait_for_console_text("hello")""",
    "polling_condition": """
        condition = polling_condition(lambda: True)
        with condition: web.succeed("true")""",
    "subtest": 'with subtest("x"): pass',
    "threads": """
        import threading
        threads = [threading.Thread(target=web.succeed, args=("true",)) for _ in range(3)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()""",
}

MONITORS = {
    "send_key": 'web.send_key("a", delay=0)',
    "send_chars": 'web.send_chars("a", delay=0)',
    "send_console": 'web.send_console("a")',
    "send_monitor_command": 'web.send_monitor_command("info name")',
    "qmp": 'web.qmp_client.send("query-status")',
    "qmp error": 'with t.assertRaises(Exception): web.qmp_client.send("no-such-command")',
    "forward_port": "web.forward_port(1, 2); web.send_monitor_command('hostfwd_remove tcp::1')",
    "block": "web.block(); web.unblock()",
    "screenshot": 'web.screenshot("x")',
}

FILES = {
    "copy_from_host": 'web.copy_from_host("/etc/passwd", "there")',
    "copy_from_host of a tree": 'web.copy_from_host(os.environ["TREE"], "tree")',
    "copy_from_host in vain": """
        with t.assertRaises(Exception): web.copy_from_host("/no/such/file", "x")""",
    "copy_from_host_via_shell": 'web.copy_from_host_via_shell("/etc/passwd", "there")',
    "copy_from_machine": 'web.copy_from_machine("/etc/passwd", "here")',
    "copy_from_machine in vain": """
        with t.assertRaises(Exception): web.copy_from_machine("/no/such/file")""",
    "copy_from_machine of a tree": """
        web.succeed("mkdir -p dir && touch dir/file")
        web.copy_from_machine("dir", "here")""",
}

LIVES = {
    "crash": "web.crash(); web.connect()",
    "shutdown": "web.shutdown(); web.connect()",
    "reboot": """
        web.release()
        web.start(allow_reboot=True)
        web.connect()
        web.reboot()
        web.connect()""",
    "release": "web.release(); web.connect()",
    "start_all": "web.crash(); start_all(); web.connect()",
}

NETWORKS = {
    "capture": 'vlan1.capture("x.pcap").stop()',
    "capture as a block": 'with vlan1.capture("x.pcap"): pass',
    "impair": "vlan1.impair(loss=0.5); vlan1.impair()",
    "impair with a capture": """
        with vlan1.capture("x.pcap"):
            vlan1.impair(loss=0.5)
            vlan1.impair()""",
    "disconnect in vain": "with t.assertRaises(Exception): vlan1.disconnect(web)",
}

CALLS = {**COMMANDS, **MONITORS, **FILES, **LIVES, **NETWORKS}


def counted(call: str) -> str:
    body = textwrap.indent(textwrap.dedent(call), "    ")
    return f"import gc, os\n\ndef call():\n{body}\n{textwrap.dedent(COUNT)}"


@pytest.mark.parametrize("what", CALLS)
def test_call_leaves_no_descriptor_open(
    run_driver: RunDriver, workspace: Workspace, what: str
) -> None:
    tree = workspace.root / "tree"
    tree.mkdir()
    (tree / "file").touch()
    script = counted(CALLS[what])
    vlans = [1] if what in NETWORKS else []
    run_driver(script, vlans=vlans, env={"TREE": str(tree)}, limit=2 * PATIENCE).must_succeed()


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="there is no tesseract")
def test_reading_leaves_no_descriptor_open(run_driver: RunDriver, workspace: Workspace) -> None:
    workspace.write("tesseract", "#!/bin/sh\ncat >/dev/null; echo text\n", 0o755)
    path = f"{workspace.scripts}:/usr/bin:/bin"
    script = counted('web.get_screen_text(); web.wait_for_text("text")')
    run_driver(script, env={"PATH": path}, limit=2 * PATIENCE).must_succeed()


@pytest.mark.parametrize(
    "script",
    [
        'web.succeed("true")\nos.closerange(3, 200)',
        'web.succeed("true")\nos.closerange(3, 200)\nweb.succeed("true")',
    ],
)
def test_script_that_closes_our_descriptors_ends_with_a_reason(
    run_driver: RunDriver, script: str
) -> None:
    run_driver(script).must_fail("Bad file descriptor")


def test_script_that_closes_them_before_something_else_gets_their_numbers(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    run_driver('os.closerange(3, 200)\nweb.succeed("true")').must_fail("Bad file descriptor")
    for left in workspace.leftovers():
        os.unlink(left)  # the script closed the connection to the orphan guard, too
