"""Where the program enters Python."""

from __future__ import annotations

import signal
import sys
import time

import _ntd

from test_driver.driver import Driver, run
from test_driver.errors import MachineError
from test_driver.logger import Logger


def main() -> tuple[int, int]:
    """Run what the command line asked for; (exit status, signal to die by or 0)."""
    # A line is out when it is complete, also when the process is killed afterwards.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    try:
        return _run()
    except KeyboardInterrupt:
        return 0, int(signal.SIGINT)
    except (MachineError, OSError) as error:  # what the script needs did not come up
        Logger().log_test_error(f"{type(error).__name__}: {error}")
        return 1, 0


def _run() -> tuple[int, int]:
    with Driver(_ntd.options()) as driver:
        begin = time.monotonic()
        if driver.interactive:
            from test_driver import repl  # a test run does without what it imports

            repl.run(driver.test_symbols())
            return 0, 0
        result = run(driver)
        driver.logger.info(f"test script finished in {time.monotonic() - begin:.2f}s")
    return result
