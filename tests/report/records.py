"""Records of runs, as log::RecordSink writes them."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

SCRIPT = """\
start_all()

with subtest("the web server starts"):
    web.wait_for_unit("nginx.service")
    web.succeed("curl --fail http://localhost/")

with subtest("the database answers"):
    db.wait_for_unit("postgresql.service")
    db.succeed("sudo -u postgres psql -c 'select 1'")

with subtest("the application uses the database"):
    web.succeed("systemctl start shop.service")
    web.wait_for_open_port(8080)
    out = web.succeed("curl --fail --silent http://localhost:8080/orders")
    assert "no orders" in out, out
"""
CURL = "curl --fail --silent http://localhost:8080/orders"
CURL_SAYS = "curl: (22) The requested URL returned error: 500"
FAILURE = f"command `{CURL}` failed (exit status 22)\n{CURL_SAYS}"
TRACEBACK = f"""\
Traceback (most recent call last):
  File "testScript.py", line 14, in <module>
    out = web.succeed("{CURL}")
          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
test_driver.errors.RequestedAssertionFailed: {FAILURE}
"""


class Record:
    """Writes events; `at` is the time of the next one."""

    def __init__(self, file: Path, script: str = SCRIPT, name: str = "shop") -> None:
        self.file = file.open("w", encoding="utf-8")
        self.at = 0.0
        self.scopes: list[tuple[int, str, float]] = []
        self.last_id = 0
        machines = [{"name": "web", "kind": "qemu"}, {"name": "db", "kind": "nspawn"}]
        run = {"version": "0.1.0", "time": "2026-01-02T03:04:05Z", "script": script}
        self.write({"kind": "run", **run, "script_name": name, "machines": machines})

    def write(self, event: dict[str, Any]) -> None:
        self.file.write(json.dumps(event) + "\n")

    def add(self, kind: str, machine: str = "", line: int = 0, **members: Any) -> None:
        scope = self.scopes[-1][0] if self.scopes else 0
        common = {"machine": machine, "scope": scope, "line": line}
        event = {key: value for key, value in {**common, **members}.items() if value}
        self.write({"at": round(self.at, 6), "kind": kind, **event})

    def begin(self, text: str, machine: str = "", line: int = 0, subtest: bool = False) -> None:
        self.last_id += 1
        self.add("begin", machine, line, id=self.last_id, subtest=subtest, text=text)
        self.scopes.append((self.last_id, machine, self.at))

    def end(self, failure: str | None = None) -> None:
        number, machine, begin = self.scopes.pop()
        more: dict[str, Any] = {} if failure is None else {"failure": failure}
        self.add("end", machine, id=number, took=round(self.at - begin, 6), **more)

    def command(self, machine: str, text: str, took: float, line: int = 0, **members: Any) -> None:
        self.at += took
        self.add("command", machine, line, text=text, took=took, **members)

    def close(self) -> Path:
        self.file.close()
        return Path(self.file.name)


def boot(record: Record, machine: str, lines: int, took: float) -> None:
    begin = record.at
    record.add("life", machine, what="started")
    for number in range(lines):
        record.at = begin + took * number / lines
        unit = f"\x1b[0;32m  OK  \x1b[0m] Started unit-{number}.service - A service of {machine}"
        kernel = f"[{record.at:12.6f}] pci 0000:00:{number % 32:02x}.0: BAR 0: assigned"
        record.add("serial", machine, text=f"[{unit}" if number % 3 else kernel)
    record.at = begin + took
    record.add("life", machine, what="up")


def wait_for_unit(record: Record, machine: str, unit: str, line: int, polls: int) -> None:
    record.begin(f"waiting for unit {unit}", machine, line)
    for _ in range(polls):
        state = "ActiveState=activating\nSubState=start"
        record.command(machine, f"systemctl --no-pager show {unit}", 0.4, line, output=state)
    state = "ActiveState=active\nSubState=running"
    record.command(machine, f"systemctl --no-pager show {unit}", 0.1, line, output=state)
    record.end()


def succeed(record: Record, machine: str, text: str, took: float, line: int, output: str) -> None:
    record.begin(f"must succeed: {text}", machine, line)
    record.command(machine, text, took, line, output=output)
    record.end()


def write_shop(file: Path, pictures: tuple[str, ...] = (), console_lines: int = 60) -> Path:
    """A run of two machines that fails in its last subtest, in line 14."""
    record = Record(file)
    record.begin("start all VMs", line=1)
    boot(record, "web", console_lines, 9.0)
    record.at = 0.4
    boot(record, "db", console_lines // 2, 3.2)
    record.at = 9.1
    record.end()
    record.begin("the web server starts", line=3, subtest=True)
    wait_for_unit(record, "web", "nginx.service", 4, 7)
    page = "<!DOCTYPE html>\n<html><title>Welcome</title><script>alert(1)</script></html>"
    succeed(record, "web", "curl --fail http://localhost/", 0.3, 5, page)
    record.end()
    record.begin("the database answers", line=7, subtest=True)
    wait_for_unit(record, "db", "postgresql.service", 8, 2)
    table = " ?column?\n----------\n        1\n(1 row)"
    succeed(record, "db", "sudo -u postgres psql -c 'select 1'", 0.5, 9, table)
    record.end()
    record.begin("the application uses the database", line=11, subtest=True)
    succeed(record, "web", "systemctl start shop.service", 1.4, 12, "")
    record.begin("waiting for TCP port 8080 on localhost", "web", 13)
    for _ in range(9):
        record.command("web", "nc -z localhost 8080", 0.2, 13, status=1)
    record.command("web", "nc -z localhost 8080", 0.1, 13)
    record.end()
    record.add("message", level="warning", text="the clock of web is 3 seconds late", machine="web")
    record.add("message", level="debug", text="a detail for developers")
    record.begin(f"must succeed: {CURL}", "web", 14)
    record.add("serial", "web", text="shop[812]: connecting to postgresql://db/shop as shop")
    record.at += 0.9
    refused = 'FATAL: password authentication failed for user "shop"'
    record.add("serial", "web", text=f"shop[812]: {refused}")
    record.add("serial", "web", text="systemd[1]: shop.service: Failed with result 'exit-code'.")
    record.command("web", CURL, 0.4, 14, status=22, output=CURL_SAYS)
    record.end(FAILURE)
    record.end(FAILURE)
    record.add("error", text=TRACEBACK)
    for machine, picture in zip(("web", "db"), pictures):
        record.at += 0.1
        record.add("picture", machine, file=picture)
    record.at += 0.4
    record.add("life", "web", what="ended")
    record.add("life", "db", what="ended")
    return record.close()


def shop_outcome(**more: Any) -> dict[str, Any]:
    reason = f"web: the command `{CURL}` failed with status 22."
    return {
        "passed": False,
        "reason": reason,
        "failure": TRACEBACK,
        "line": 14,
        "command": "nix build -L .#checks.x86_64-linux.shop --rebuild --keep-failed",
        **more,
    }


def png(width: int, height: int, colour: tuple[int, int, int]) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    rows = (b"\0" + bytes(colour) * width) * height
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
