"""The axes of the matrix: calls and ends, and how a row combines them into cases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

LIMIT = 2  # seconds; the limit of calls with a timeout, and the base of global timeouts
MARGIN = 10  # seconds that a test may need to end after it should

Fields = dict[str, Any]  # values for fields of a Case

# ------------------------------------------------------------------------------------------ calls


@dataclass(frozen=True)
class Call:
    """What the script does when the fault happens.

    ``once`` takes a moment without a fault, ``long`` runs forever. In both, ``{limit}`` is replaced
    by the call's timeout.
    """

    name: str
    once: str
    long: str = ""  # default: repeat `once`
    options: str = ""  # for fake_vm
    setup: str = ""
    vlans: tuple[int, ...] = ()

    def form(self, moment: str) -> str:
        return (self.long or f"while True: {self.once}") if moment == "during" else self.once

    def takes_limit(self, moment: str) -> bool:
        return "{limit}" in self.form(moment)

    def text(self, moment: str, is_limited: bool) -> str:
        limit = f", timeout={LIMIT}" if is_limited else ""
        return self.form(moment).replace("({limit}", f"({limit[2:]}").replace("{limit}", limit)


SLOW_UNIT = """
unit = web.state_dir / "guest" / "units" / "slow.service"
unit.write_text("ActiveState=activating\\n")
"""
# The same, with a systemd whose bus reports changes: a stand-in for nc sends its answers.
UNIT_THAT_TELLS = SLOW_UNIT + r"""
import os, socket
bus = socket.socket(socket.AF_UNIX)
link = web.state_dir / "guest" / "systemd-bus"
link.symlink_to(f"/proc/{os.getpid()}/fd/{bus.fileno()}")
nc = web.state_dir.parents[1] / "scripts" / "guest" / "nc"
if not nc.exists():
    nc.write_text('''#!/bin/bash
echo OK
LC_ALL=C grep -z -a -o --line-buffered '^nT..' | while read -r -d "" call; do
    printf '\\0%s\\0activating\\0' "$call"
done
''')
    nc.chmod(0o755)
"""
MADE = 'web.succeed("head -c 3000000 /dev/zero >made")'
BIG = 'web.copy_from_host("big", "copied")'
FLOW = "for i in $(seq 100000); do head -c 100000 /dev/zero; sleep 0.01; done"

SHELL_CALLS = [
    Call("succeed", 'web.succeed("true"{limit})', 'web.succeed("sleep 1000"{limit})'),
    Call("3mb-command", 'web.succeed(": " + "x" * 3000000{limit})'),
    Call(
        "50mb-output",
        'web.succeed("head -c 50000000 /dev/zero | tr \'\\\\0\' x"{limit})',
        f'web.succeed("{FLOW}"{{limit}})',
    ),
    Call("copy_from_host", BIG),
    Call("copy_from_machine", 'web.copy_from_machine("made", "")', setup=MADE),
    Call(
        "wait_for_unit",
        'web.wait_for_unit("default.target"{limit})',
        'web.wait_for_unit("slow.service"{limit})',
        setup=SLOW_UNIT,
    ),
    Call(
        "unit-that-tells",
        'web.wait_for_unit_active_state("slow.service", "activating"{limit})',
        'web.wait_for_unit("slow.service"{limit})',
        setup=UNIT_THAT_TELLS,
    ),
    Call(
        "wait_for_file", 'web.wait_for_file("/"{limit})', 'web.wait_for_file("/no/such"{limit})'
    ),
    Call(
        "wait_for_open_port",
        'web.wait_for_closed_port(1{limit})',
        'web.wait_for_open_port(1{limit})',
    ),
    Call(
        "wait_until_succeeds",
        'web.wait_until_succeeds("true"{limit})',
        'web.wait_until_succeeds("false"{limit})',
    ),
    Call(
        "blocking-probe",
        'web.wait_until_succeeds("true"{limit})',
        'web.wait_until_succeeds("sleep 1000"{limit})',
    ),
    Call(
        "wait_for_window",
        'web.wait_for_window("editor"{limit})',
        'web.wait_for_window("never"{limit})',
    ),
    Call("wait_for_x", 'web.succeed("journalctl"{limit})', "web.wait_for_x({limit})"),
    Call(
        "wait_until_tty_matches",
        'web.wait_until_tty_matches("1", "login"{limit})',
        'web.wait_until_tty_matches("1", "never"{limit})',
    ),
    Call(
        "shutdown",
        "web.shutdown()",
        'web.shutdown()',
        options="--no-vm-exit-on-poweroff",
    ),
]
MONITOR_CALLS = [
    Call("monitor-command", 'web.send_monitor_command("info status")'),
    Call("send_key", 'web.send_key("a")'),
    Call("reboot", "web.reboot(); web.connect()"),
]
QMP_CALLS = [
    Call("qmp-send", 'web.qmp_client.send("query-status")'),
    Call("screenshot", 'web.screenshot("shot")'),
    Call(
        "wait_for_qmp_event",
        "web.qmp_client.send('query-status')",
        "web.wait_for_qmp_event(lambda event: False{limit})",
    ),
    Call("get_screen_text", "web.get_screen_text()"),
]
CONSOLE_CALLS = [
    Call(
        "wait_for_console_text",
        'web.send_console("text\\n"); web.wait_for_console_text("text"{limit})',
        'web.wait_for_console_text("never"{limit})',
    ),
]
OTHER_CALLS = [
    Call("wait_for_shutdown", "web.crash()", "web.wait_for_shutdown()"),
]
VLAN_CALLS = [
    Call("capture", 'vlan1.capture("a.pcap").stop()', vlans=(1,)),
    Call("impair", "vlan1.impair(loss=0.5); vlan1.impair()", vlans=(1,)),
]
IDLE = Call("idle", "time.sleep(0.5)", "time.sleep(1000)")
THE_END = Call("the-end", "pass")
RELEASE = Call("release", "web.release()")
START_TWO = Call("start_all", "start_all()")

CALLS = {
    call.name: call
    for call in [
        *SHELL_CALLS,
        *MONITOR_CALLS,
        *QMP_CALLS,
        *CONSOLE_CALLS,
        *OTHER_CALLS,
        *VLAN_CALLS,
        IDLE,
        THE_END,
        RELEASE,
    ]
}


def names(calls: Sequence[Call], *but: str) -> list[str]:
    return [call.name for call in calls if call.name not in but]


SHELL = names(SHELL_CALLS)
WAITS = [
    "wait_for_unit",
    "wait_for_file",
    "wait_for_open_port",
    "wait_until_succeeds",
    "blocking-probe",
    "wait_for_window",
    "wait_for_x",
    "wait_until_tty_matches",
]
COPIES = ["copy_from_host", "copy_from_machine"]
MONITOR = names(MONITOR_CALLS)
QMP = names(QMP_CALLS)
CONSOLE = names(CONSOLE_CALLS)
ALL = [*SHELL, *MONITOR, *QMP, *CONSOLE, *names(OTHER_CALLS)]

# ------------------------------------------------------------------------------------------- ends


@dataclass(frozen=True)
class End:
    """A way for a test to end, with the driver's expected exit statuses and last messages."""

    statuses: tuple[int, ...]
    words: str = ""
    after: float = 0  # seconds of the time limit that ends the test


ENDS = {
    # The fault fails the test; the row has the expected message.
    "fault": End((1,)),
    # The fault does no harm.
    "harmless": End((0,)),
    # The call may work or fail: only the time bound matters, and that the driver does not crash.
    "any": End((0, 1)),
    # The same, with a time limit.
    "limit-or-not": End((0, 1), after=LIMIT),
    "refused": End((2,)),
    "limit": End(
        (1,),
        r"timed out|time-out|exit code 124|within \d|not answer|in time",
        LIMIT,
    ),
    "sigint": End((-2,), "KeyboardInterrupt"),
    "sigterm": End((-15,), "received signal 15"),
    "global": End((-15,), "timeout reached; test terminating", LIMIT),
    "sigkill": End((-9,)),
}

# ------------------------------------------------------------------------------------------- rows


@dataclass(frozen=True)
class Case:
    """One run of the driver, and the expected result."""

    id: str
    who: str
    fault: str  # see Faults.do(); empty if the fault exists from the start
    moment: str  # "before" or "during" the call
    call: str  # script text
    end: str
    statuses: tuple[int, ...]
    words: str  # a pattern to be found in the failure's lines, or in the log after a success
    bound: float  # seconds from the last of fault, call and signal to the end of the process
    setup: str = ""
    starts: bool = True  # whether the machine is running before the call
    machines: tuple[tuple[str, str], ...] = (("web", ""),)
    wraps: bool = False  # whether the start script's shell keeps running while QEMU runs
    vlans: tuple[int, ...] = ()
    tools: tuple[tuple[str, str], ...] = ()  # stand-ins for programs of the host or guest
    env: tuple[tuple[str, str], ...] = ()
    args: tuple[str, ...] = ()
    settings: tuple[tuple[str, object], ...] = ()
    start: str = ""  # a special way to start the driver; see run.py
    sign: str = ""  # a log line before the script runs, at which the case ends the run
    is_slow: bool = False


@dataclass(frozen=True)
class Row:
    """Cases that share a fault."""

    who: str
    what: str
    fault: str = ""
    calls: Sequence[str] = ()
    ends: Sequence[str] = ("fault",)
    words: str = ""
    moments: Sequence[str] = ("during",)
    more: Fields = field(default_factory=dict)  # further fields of each Case

    def cases(self) -> Iterator[Case]:
        for moment in self.moments:
            for name in self.calls:
                for end in self.ends:
                    if not has_limit(end) or CALLS[name].takes_limit(moment):
                        yield self.case(CALLS[name], moment, end)

    def case(self, call: Call, moment: str, end: str) -> Case:
        expected = ENDS[end]
        is_limited = has_limit(end)
        made = Case(
            id=f"{self.who}-{self.what}-{moment}-{call.name}-{in_id(end)}",
            who=self.who,
            fault=self.fault,
            moment=moment,
            call=call.text(moment, is_limited),
            end=end,
            statuses=expected.statuses,
            words=expected.words or self.words,
            bound=expected.after + MARGIN,
            setup=call.setup,
            machines=(("web", call.options),) if moment == "during" else (("web", ""),),
            vlans=call.vlans,
            args=("--global-timeout", str(LIMIT + 2)) if end == "global" else (),
        )
        return merged(made, self.more)


def merged(case: Case, more: Fields) -> Case:
    """The case with the fields ``more``. "options" are appended to those of each machine."""
    fields = dict(more)
    if options := fields.pop("options", ""):
        fields["machines"] = tuple((name, f"{own} {options}") for name, own in case.machines)
    if "args" in fields:
        fields["args"] = (*case.args, *fields["args"])
    return replace(case, **fields)


def has_limit(end: str) -> bool:
    return end in ("limit", "limit-or-not")


def in_id(end: str) -> str:
    return {
        "fault": "fails",
        "harmless": "works",
        "any": "ends",
        "limit": "with-limit",
        "limit-or-not": "with-limit",
        "refused": "is-refused",
        "global": "with-global-limit",
    }.get(end, f"with-{end}")




def starting(
    who: str,
    what: str,
    end: str,
    words: str = "",
    call: str = "start_all()",
    is_silent: bool = False,
    **more: Any,
) -> Case:
    """A single case: the fault exists from the start, or happens in a call that starts machines.

    Ctrl-C before the script runs ends the driver without a message.
    """
    is_silent |= end == "sigint" and "sign" in more
    silent: Fields = {"words": ""} if is_silent else {}
    row = Row(
        who,
        what,
        words=words,
        more={
            "id": f"{who}-{what}-{in_id(end)}",
            "starts": False,
            "machines": (("web", ""), ("other", "")),
            **silent,
            **more,
        },
    )
    return row.case(Call("start", call), "before", end)


