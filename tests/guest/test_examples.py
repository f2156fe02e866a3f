"""The two tests of the nix.dev tutorial, run as described in the README for new users."""

from __future__ import annotations

import re
from pathlib import Path

import guest

EXAMPLES = guest.ROOT / "examples"


def run_example(tmp_path: Path, *arguments: str | Path) -> guest.Result:
    return guest.run(EXAMPLES / "run", *arguments, cwd=tmp_path)


def test_minimal(tmp_path: Path) -> None:
    result = run_example(tmp_path, "minimal")
    assert result.returncode == 0, str(result)
    assert re.search(r"^test script finished in \d+\.\d\ds$", result.log, re.MULTILINE)


def test_client_server_shows_both_consoles_and_succeeds(tmp_path: Path) -> None:
    result = run_example(tmp_path, "client-server")
    assert result.returncode == 0, str(result)
    for line in ("client # ", "server # ", "client: must succeed: curl ", "test script finished in "):
        assert f"\n{line}" in result.log, f"no line begins with '{line}':\n{result}"


def test_failure_exits_1_and_shows_the_failing_line(tmp_path: Path) -> None:
    script = (EXAMPLES / "client-server" / "test.py").read_text().replace("nginx!", "apache!")
    changed = tmp_path / "apache.py"
    changed.write_text(script)
    result = run_example(tmp_path, "client-server", "--script", changed)
    assert result.returncode == 1, str(result)
    assert '!!!     client.succeed("curl http://server/ | grep -o \\"Welcome to apache!\\"")' in result.log
    assert "!!! RequestedAssertionFailed: command `curl http://server/" in result.log
