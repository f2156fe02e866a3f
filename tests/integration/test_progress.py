"""The log says what a wait has seen: when its time is over, and while it takes long."""

from __future__ import annotations

from collections.abc import Callable

from harness import Result

RunDriver = Callable[..., Result]


def test_wait_in_vain_says_what_it_has_seen(run_driver: RunDriver) -> None:
    result = run_driver('web.wait_until_succeeds("echo so far; exit 3", timeout=1)').must_fail()
    result.must_blame(
        "(timeout=1): waiting for success: echo so far; exit 3; looked ",
        "the last exit code was 3, with the output: so far",
    )


def test_port_and_file_in_vain(run_driver: RunDriver) -> None:
    script = """
        with t.assertRaisesRegex(AssertionError, "port 1 on localhost; .*; nothing listens there"):
            web.wait_for_open_port(1, timeout=1)
        with t.assertRaisesRegex(AssertionError, "file '/no'; looked .*; there is no such file"):
            web.wait_for_file("/no", timeout=1)
    """
    run_driver(script).must_succeed()


def test_console_in_vain_shows_its_last_lines(run_driver: RunDriver) -> None:
    script = """
        web.succeed("echo the last line >&2")
        web.wait_for_console_text("the last line")
        web.wait_for_console_text("never", timeout=1)
    """
    run_driver(script).must_fail().must_blame("its last output was:", "the last line")


def test_what_takes_long_is_said(run_driver: RunDriver) -> None:
    result = run_driver('web.start()\nweb.succeed("echo begun; sleep 11")').must_succeed()
    result.must_say("web: (for 10 seconds: must succeed: echo begun; sleep 11)")
