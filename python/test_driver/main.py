"""Where the program enters Python."""

from __future__ import annotations

import sys
import time

import _ntd

from test_driver.driver import Driver, run


def main() -> tuple[int, int]:
    """Run what the command line asked for; (exit status, signal to die by or 0)."""
    # A line is out when it is complete, also when the process is killed afterwards.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    with Driver(_ntd.options()) as driver:
        begin = time.monotonic()
        result = run(driver)
        driver.logger.info(f"test script finished in {time.monotonic() - begin:.2f}s")
    return result
