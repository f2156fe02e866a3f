"""The matrix: which process fails, how and when, and how the test must then end.

The rows state the correct result, which need not be what the driver does today.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from axes import (
    ALL,
    BIG,
    CONSOLE,
    COPIES,
    ENDS,
    MARGIN,
    MONITOR,
    QMP,
    SHELL_CALLS,
    WAITS,
    Case,
    Fields,
    Row,
    names,
    starting,
)

ENDED_FROM_OUTSIDE = ("sigint", "sigterm", "global")
DIED = r"machine 'web': QEMU \(pid \d+\) "
KILLED = DIED + "was killed by signal 9"

# QEMU and its start script. Two calls are excepted, because they wait for the end of QEMU.
ALIVE = [name for name in ALL if name not in ("shutdown", "wait_for_shutdown")]
QEMU = [
    Row("qemu", "killed", "kill qemu", ALIVE, words=KILLED),
    Row("qemu", "killed", "kill qemu", ["shutdown", "wait_for_shutdown"], ["harmless"]),
    Row("qemu", "killed", "kill qemu", ["succeed", *COPIES, *MONITOR, *QMP], words=KILLED,
        moments=["before"]),
    Row("qemu", "killed", "kill qemu", ["the-end", "release"], ["harmless"], moments=["before"]),
    Row("qemu", "killed", "kill qemu", ["idle"], ["harmless"], moments=["before"]),
    Row("qemu", "exits", "term qemu", ALIVE, words=DIED + "exited with status 0"),
    Row("qemu", "exits", "term qemu", ["shutdown", "wait_for_shutdown"], ["harmless"]),
    Row("qemu", "stopped", "stop qemu", ALL, ["limit", "sigint"]),
    Row("qemu", "stopped", "stop qemu", ALL, ["limit", "sigint"], moments=["before"]),
    Row("qemu", "stopped", "stop qemu", ["succeed", "3mb-command", "qmp-send", "monitor-command",
        "copy_from_host"], ["sigterm", "global", "sigkill"], moments=["before"]),
    Row("qemu", "stopped", "stop qemu", ["the-end", "release", "idle"], ["harmless"],
        moments=["before"]),
    Row("qemu", "stopped-for-a-second", "pause qemu", names(SHELL_CALLS, "shutdown"), ["harmless"],
        moments=["before"]),
    Row("qemu", "stopped-for-a-second", "pause qemu", [*MONITOR, *QMP, *CONSOLE, "idle"],
        ["harmless"], moments=["before"]),
]  # fmt: skip

WRAPPED: Fields = {"wraps": True}
SCRIPT = [
    Row("script", "killed", "kill script", ["succeed", "wait_for_unit", "wait_for_console_text"],
        words=KILLED, more=WRAPPED),
    Row("script", "killed", "kill script", ["wait_for_shutdown"], ["harmless"], more=WRAPPED),
    Row("script", "stopped", "stop script", ["succeed", "qmp-send", "the-end", "release", "idle"],
        ["harmless"], moments=["before"], more=WRAPPED),
    Row("script", "stopped", "stop script", ["succeed", "wait_for_shutdown"],
        [*ENDED_FROM_OUTSIDE, "sigkill"], more=WRAPPED),
    Row("script", "has-killed-qemu", "kill qemu", ["succeed", "wait_for_unit", "qmp-send",
        "monitor-command", "copy_from_host"], words=DIED + "(exited with status 137|was killed)",
        more=WRAPPED),
]  # fmt: skip


def at_start(options: str, **more: Any) -> Fields:
    return {"machines": (("web", options), ("other", "")), **more}


QUICK: Fields = {"env": (("NTD_START_TIMEOUT", "2"), ("NTD_BOOT_SILENCE", "2"))}
CONNECT = "start_all(); web.connect()"
STAGES = ["start", "qmp", "monitor", "shell"]

START = [
    *[
        starting("qemu", f"exits-0-at-{stage}", "fault", DIED + "exited with status 0",
                 **at_start(f"--exit-at={stage} --exit-status=0"))
        for stage in STAGES
    ],
    *[
        starting("qemu", f"hangs-at-{stage}", "fault", r"machine 'web': .*(within 2 s|time-out)",
                 **at_start(f"--hang-at={stage}", **QUICK))
        for stage in STAGES
    ],
    *[
        starting("qemu", f"hangs-at-{stage}", end, **at_start(f"--hang-at={stage}"))
        for stage in STAGES
        for end in (*ENDED_FROM_OUTSIDE, "sigkill")
    ],
    *[
        starting("qemu", f"{what}-when-it-hangs-at-{stage}", "fault", words,
                         **at_start(f"--hang-at={stage}", moment="during", fault=fault))
        for stage in STAGES
        for what, fault, words in (("killed", "kill qemu", KILLED),
                                   ("exits", "term qemu", DIED + "exited with status 0"))
    ],
    *[
        starting("qemu", f"stopped-when-it-hangs-at-{stage}", end,
                         **at_start(f"--hang-at={stage}", moment="during", fault="stop qemu"))
        for stage in ["monitor", "shell"]
        for end in ("sigint", "sigterm", "sigkill")
    ],
    *[
        starting("qemu", f"{what}-{channel}-from-the-start", end, words, call=CONNECT,
                 **at_start(f"--relay --fault={what}:{channel} --boot-delay=100", **QUICK,
                            bound=2.0 * MARGIN))
        for what, channel, end, words in (
            ("closed", "shell", "fault", "web.*(closed its connections|shell)"),
            ("closed", "port", "any", ""),
            ("closed", "monitor", "any", ""),
            ("closed", "qmp", "fault", "web.*QMP"),
            ("closed", "console", "harmless", ""),
            ("silent", "shell", "fault", "web.*shell.*silent for"),
            ("silent", "monitor", "harmless", ""),
            ("silent", "qmp", "fault", "web.*QMP.*time-out"),
            ("silent", "console", "harmless", ""),
            ("babbling", "monitor", "harmless", ""),
            ("babbling", "qmp", "any", ""),
            ("slow", "monitor", "harmless", ""),
            ("slow", "console", "harmless", ""),
            ("half", "shell", "fault", "web.*shell.*silent for"),
            ("half", "qmp", "fault", "web.*QMP.*time-out"),
            ("half", "monitor", "harmless", ""),
            ("twice", "qmp", "harmless", ""),
            ("twice", "monitor", "harmless", ""),
        )
    ],
    *[
        starting("qemu", f"{what}-{channel}-from-the-start", end, call=CONNECT,
                 **at_start(f"--relay --fault={what}:{channel}"))
        for what, channel in (("silent", "shell"), ("silent", "qmp"), ("slow", "shell"),
                              ("slow", "qmp"), ("half", "shell"))
        for end in ENDED_FROM_OUTSIDE
    ],
    starting("script", "cannot-be-executed", "fault", DIED + "exited with status 12[67]",
             start="no interpreter", machines=(("web", ""),)),
    starting("script", "exits-0-at-once", "fault", DIED + "exited with status 0",
             start="script exits", machines=(("web", ""),)),
    *[
        starting("script", "sleeps", end, words, start="script sleeps", machines=(("web", ""),),
                 **(QUICK if end == "fault" else {}))
        for end, words in (("fault", "machine 'web': QEMU did not connect"), ("sigint", ""),
                           ("sigterm", ""), ("global", ""), ("sigkill", ""))
    ],
    *[
        starting("qemu", f"{what}-while-the-guest-boots", end, words, call="web.connect()",
                         fault=fault, moment="during", machines=(("web", "--no-backdoor"),))
        for what, fault, end, words in (
            ("killed", "kill qemu", "fault", KILLED + ".*while the guest was booting"),
            ("exits", "term qemu", "fault", DIED + "exited with status 0"),
            ("stopped", "stop qemu", "sigint", ""),
            ("stopped", "stop qemu", "sigterm", ""),
            ("stopped", "stop qemu", "global", ""),
        )
    ],
]  # fmt: skip

# The guest: the whole guest, its shells, its programs.
GUEST = [
    Row("guest", "stopped", "stop guest", names(SHELL_CALLS, "shutdown"), ["limit", "sigint"]),
    Row("guest", "stopped", "stop guest", names(SHELL_CALLS, "shutdown"), ["limit", "sigint"],
        moments=["before"]),
    Row("guest", "stopped", "stop guest", ["succeed", "3mb-command", "copy_from_host",
        "wait_for_unit"], ["sigterm", "global", "sigkill"], moments=["before"]),
    Row("guest", "stopped", "stop guest", [*MONITOR[:2], *QMP, *CONSOLE, "the-end", "release"],
        ["harmless"], moments=["before"]),
    Row("guest", "paused-and-resumed", "pause guest", names(SHELL_CALLS, "shutdown"), ["harmless"],
        moments=["before"]),
    Row("command", "killed", "kill command", ["succeed"], words=r"sleep 1000.*exit code 137"),
    Row("command", "stopped", "stop command", ["succeed", "blocking-probe"], ["limit", "sigint",
        "sigterm", "global", "sigkill"]),
]  # fmt: skip

CONTROL = [
    Row("shell", "stopped", "stop control", names(SHELL_CALLS, "shutdown"), ["limit", "sigint"]),
    Row("shell", "stopped", "stop control", names(SHELL_CALLS, "shutdown"), ["limit", "sigint"],
        moments=["before"]),
    Row("shell", "stopped", "stop control", ["succeed", "3mb-command", "copy_from_machine"],
        ["sigterm", "global", "sigkill"], moments=["before"]),
    Row("shell", "stopped-for-a-second", "pause control", names(SHELL_CALLS, "shutdown"),
        ["harmless"], moments=["before"]),
    Row("shell", "stopped", "stop control", [*MONITOR[:2], *QMP, *CONSOLE, "the-end", "release"],
        ["harmless"], moments=["before"]),
    Row("shell", "killed", "kill control", names(SHELL_CALLS, "shutdown"), ["limit", "sigint"]),
    Row("shell", "killed", "kill control", ["succeed", "3mb-command", "copy_from_host",
        "wait_for_unit"], ["limit", "sigint", "sigterm"], moments=["before"]),
    # The shell's unit reports its end on the console.
    Row("shell", "killed", "kill control", ["succeed", "3mb-command", *COPIES, "wait_for_unit"],
        words="machine 'web'.*shell", moments=["before"]),
    Row("shell", "killed", "kill control", ["the-end", "release", "qmp-send", "monitor-command"],
        ["harmless"], moments=["before"]),
    Row("shell", "stopped", "stop control", ["succeed", "copy_from_host"], ["fault"],
        "machine 'web'.*shell (has not answered|does not answer)", ["before"],
        more={"is_slow": True, "bound": 400}),
    # Without a port, all commands have to go through one console.
    Row("shell", "without-a-port-stopped", "stop control", ["succeed", "3mb-command", *COPIES,
        "wait_for_unit"], ["limit", "sigint"], moments=["before"],
        more={"options": "--no-port --shell-pty"}),
]  # fmt: skip

WORKER = [
    Row("worker", "killed", "kill worker", ["succeed", "50mb-output"],
        words="machine 'web'.*ended the shell that ran it"),
    # Harmless between two polls: the next poll gets a new worker.
    Row("worker", "killed", "kill worker", WAITS[:4], ["limit-or-not"]),
    Row("worker", "killed", "kill worker", ["succeed", "3mb-command", *COPIES, "wait_for_unit"],
        ["any"], moments=["before"]),
    Row("worker", "stopped", "stop worker", names(SHELL_CALLS, "shutdown"), ["limit", "sigint"]),
    Row("worker", "stopped", "stop worker", ["succeed", "3mb-command", *COPIES],
        ["limit", "sigint", "global"], moments=["before"]),
    # The last poll, after the limit, may have a new worker already.
    Row("worker", "stopped", "stop worker", ["wait_for_unit"], ["limit-or-not", "sigint", "global"],
        moments=["before"]),
    Row("worker", "stopped", "stop worker", ["the-end", "release"], ["harmless"],
        moments=["before"]),
    Row("worker", "stopped-for-a-second", "pause worker", ["succeed", "3mb-command", *COPIES,
        "wait_for_unit"], ["harmless"], moments=["before"]),
]  # fmt: skip

HANGS = "exec sleep 1000"
STUBBORN = "trap '' TERM; while :; do sleep 1; done"
BABBLES = "exec yes"
SLOW = "while :; do printf x; sleep 0.1; done"
HALF = "printf 'ActiveSt'; exec sleep 1000"

PROGRAMS = [
    Row("program", f"{tool}-{what}", "", [call], ["limit", "sigint"],
        more={"tools": ((tool, script),)})
    for tool, call in (("systemctl", "wait_for_unit"), ("xwininfo", "wait_for_window"),
                       ("journalctl", "wait_for_x"), ("od", "wait_until_tty_matches"),
                       ("nc", "wait_for_open_port"), ("nc", "unit-that-tells"),
                       ("mkfifo", "unit-that-tells"), ("grep", "unit-that-tells"))
    for what, script in (("hangs", HANGS), ("is-stubborn", STUBBORN), ("is-slow", SLOW),
                         ("says-half", HALF))
] + [
    Row("program", "systemctl-babbles", "", ["wait_for_unit"], ["limit", "sigint"],
        more={"tools": (("systemctl", BABBLES),)}),
    Row("program", "nc-babbles", "", ["unit-that-tells"], ["limit", "sigint"],
        more={"tools": (("nc", "echo OK; exec yes"),)}),
    Row("program", "poweroff-hangs", "", ["shutdown"], ENDED_FROM_OUTSIDE,
        more={"tools": (("poweroff", HANGS),)}),
    Row("program", "sync-hangs", "", ["the-end"], ["harmless"], "web: no `sync` after the test",
        ["before"], more={"tools": (("sync", HANGS),)}),
    Row("program", "sync-fails", "", ["the-end"], ["harmless"],
        "web: no `sync` after the test: exit code 3", ["before"],
        more={"tools": (("sync", "exit 3"),)}),
    Row("program", "mkdir-hangs", "", COPIES[:1], ENDED_FROM_OUTSIDE,
        more={"tools": (("mkdir", HANGS),)}),
    Row("program", "mkdir-fails", "", COPIES[:1], words="'big'.*'copied'.*no room",
        more={"tools": (("mkdir", "echo no room; exit 3"),)}),
    Row("program", "stat-hangs", "", COPIES[1:], ENDED_FROM_OUTSIDE,
        more={"tools": (("stat", HANGS),)}),
]  # fmt: skip

# Channels that fail while QEMU keeps running.
RELAYED: Fields = {"options": "--relay"}
CLOSED = r"machine 'web'.*(shell has ended|closed its connections|connection|closed)"


def channel(
    name: str,
    what: str,
    calls: Sequence[str],
    ends: Sequence[str],
    words: str = "",
    moments: Sequence[str] = ("before",),
) -> Row:
    asked = {"line": "shell"}.get(name, name)
    # When QEMU closes a channel, the driver waits a while for QEMU to end.
    more: Fields = {"bound": 2.0 * MARGIN} if what == "closed" else {}
    return Row(name, what, f"ask fault {what} {asked}", calls, ends, words, moments,
               {**RELAYED, **more})  # fmt: skip


LIMITED = ["limit", "sigint"]
CHANNELS = [
    channel("line", what, calls, ends, words, moments)
    for what, calls, ends, words, moments in (
        ("closed", ["succeed", "3mb-command", "copy_from_host", "wait_for_unit"], ["fault"],
         CLOSED, ["before", "during"]),
        ("closed", ["the-end", "release", "qmp-send", "monitor-command"], ["harmless"], "",
         ["before"]),
        ("silent", ["succeed", "3mb-command", "copy_from_host", "wait_for_unit"], LIMITED, "",
         ["before", "during"]),
        ("silent", ["the-end", "release"], ["harmless"], "", ["before"]),
        ("babbling", ["succeed", "copy_from_host", "wait_for_unit"], ["any"], "", ["before"]),
        ("slow", ["succeed", "copy_from_host"], ["any"], "", ["before"]),
        ("half", ["succeed", "wait_for_unit"], LIMITED, "", ["during"]),
    )
] + [
    channel("port", what, calls, ends, words, moments)
    for what, calls, ends, words, moments in (
        ("closed", ["succeed", "3mb-command", *COPIES, "wait_for_unit"], ["fault"], CLOSED,
         ["before", "during"]),
        ("closed", ["the-end", "release"], ["harmless"], "", ["before"]),
        ("silent", ["succeed", "3mb-command", *COPIES, "wait_for_unit"], LIMITED, "",
         ["before", "during"]),
        ("babbling", ["succeed", "copy_from_host", "wait_for_unit"], ["any"], "", ["before"]),
        ("slow", ["succeed", "wait_until_succeeds", "3mb-command", *COPIES], LIMITED, "",
         ["before"]),
        ("half", ["succeed", "3mb-command", *COPIES, "wait_for_unit"], LIMITED, "", ["before"]),
    )
] + [
    channel("monitor", what, calls, ends, words, moments)
    for what, calls, ends, words, moments in (
        ("closed", MONITOR, ["fault"], CLOSED, ["before", "during"]),
        ("closed", ["succeed", "qmp-send", "the-end", "release"], ["harmless"], "", ["before"]),
        ("silent", MONITOR, ENDED_FROM_OUTSIDE, "", ["before", "during"]),
        ("silent", ["succeed", "the-end", "release"], ["harmless"], "", ["before"]),
        ("babbling", MONITOR[:2], ["fault"], "sent an answer of more than", ["during"]),
        ("slow", MONITOR[:2], ENDED_FROM_OUTSIDE, "", ["during"]),
        ("half", MONITOR, ENDED_FROM_OUTSIDE, "", ["before"]),
        ("twice", MONITOR[:2], ["harmless"], "", ["before"]),
    )
] + [
    channel("qmp", what, calls, ends, words, moments)
    for what, calls, ends, words, moments in (
        ("closed", QMP[:3], ["fault"], r"QMP", ["during"]),
        ("closed", ["qmp-send", "screenshot"], ["fault"], r"machine 'web'.*QMP", ["before"]),
        ("closed", ["succeed", "monitor-command", "the-end", "release"], ["harmless"], "",
         ["before"]),
        ("silent", QMP[:2], ENDED_FROM_OUTSIDE, "", ["before", "during"]),
        ("silent", ["wait_for_qmp_event"], LIMITED, "", ["during"]),
        ("silent", ["succeed", "the-end", "release"], ["harmless"], "", ["before"]),
        ("babbling", ["wait_for_qmp_event"], LIMITED, "", ["during"]),
        ("babbling", ["qmp-send", "succeed", "the-end"], ["any"], "", ["before"]),
        ("slow", ["qmp-send"], ["harmless"], "", ["before"]),
        ("slow", QMP[:2], ENDED_FROM_OUTSIDE, "", ["during"]),
        ("half", QMP[:2], ENDED_FROM_OUTSIDE, "", ["before"]),
        ("twice", QMP[:2], ["harmless"], "", ["before"]),
    )
] + [
    Row("console", what, f"ask fault {what} console", calls, ends, moments=moments,
        more={"setup": "serial_stdout_off()"})
    for what, calls, ends, moments in (
        ("babbling", CONSOLE, LIMITED, ["during"]),
        ("babbling", ["succeed", "qmp-send", "copy_from_host", "the-end", "release"], ["harmless"],
         ["before"]),
        ("babbling", ["succeed", "idle"], ["sigterm", "global", "sigkill"], ["during"]),
        ("silent", CONSOLE, LIMITED, ["during"]),
        ("silent", ["succeed", "the-end"], ["harmless"], ["before"]),
        ("slow", CONSOLE, LIMITED, ["during"]),
        ("slow", ["succeed", "the-end"], ["harmless"], ["before"]),
    )
]  # fmt: skip

# Networks.
VLAN: Fields = {"vlans": (1,)}
SWITCH = r"vlan 1: vde_switch.*(\(pid \d+\) was killed by signal 9|exited|did not answer)"


def vlan(what: str, tool: str, script: str, end: str, words: str = "", **more: Any) -> Case:
    """A case in which ``script`` replaces the switch or another program from the start."""
    fields: Fields = {"machines": (("web", ""),), "vlans": (1,), **more}
    return starting(tool, what, end, words, tools=((tool, script),), **fields)


CAPTURED: Fields = {"vlans": (1,), "setup": 'vlan1.capture("b.pcap")'}
IMPAIRED: Fields = {"vlans": (1,), "setup": "web.start(); vlan1.impair(loss=0.5)"}
VDE = [
    Row("vde_switch", "killed", "kill vde_switch", ["capture", "impair"], words=SWITCH,
        moments=["before"]),
    Row("vde_switch", "killed", "kill vde_switch", ["succeed", "the-end", "release", "idle"],
        ["harmless"], SWITCH, ["before"], more=VLAN),
    Row("vde_switch", "killed", "kill vde_switch", ["succeed"], ["sigint"], more=VLAN),
    Row("vde_switch", "exits", "term vde_switch", ["capture", "impair"], words=SWITCH,
        moments=["before"]),
    Row("vde_switch", "stopped", "stop vde_switch", ["capture", "impair"],
        [*ENDED_FROM_OUTSIDE, "sigkill"], moments=["before"]),
    Row("vde_switch", "stopped", "stop vde_switch", ["succeed", "the-end", "release"],
        ["harmless"], moments=["before"], more=VLAN),
    Row("vde_switch", "stopped-for-a-second", "pause vde_switch", ["capture", "impair"],
        ["harmless"], moments=["before"]),
    Row("vde_plug", "killed", "kill vde_plug", ["succeed", "idle", "the-end"], ["harmless"],
        r"b\.pcap.*vde_plug|vde_plug.*b\.pcap", ["before"], more=CAPTURED),
    Row("vde_plug", "stopped", "stop vde_plug", ["succeed", "the-end"], ["harmless"],
        moments=["before"], more=CAPTURED),
    Row("vde_plug", "stopped", "stop vde_plug", ["succeed"], ENDED_FROM_OUTSIDE, more=CAPTURED),
    Row("wirefilter", "killed", "kill wirefilter", ["idle", "the-end"], ["harmless"],
        "wirefilter", ["before"], more={**IMPAIRED, "machines": (("web", ""),), "start": "plugs"}),
]  # fmt: skip
VDE_START = [
    vlan("is-not-there", "vde_switch", "", "fault", "vde_switch.*PATH", start="no switch"),
    vlan("exits-0-at-once", "vde_switch", "exit 0", "fault", "vlan 1: vde_switch.*with status 0"),
    vlan("exits-9-at-once", "vde_switch", "echo why >&2; exit 9", "fault",
         "vlan 1: vde_switch.*with status 9.*why"),
    *[
        vlan(what, "vde_switch", script, end, sign="start vlan")
        for what, script in (("says-nothing", HANGS), ("babbles", BABBLES), ("is-slow", SLOW))
        for end in ENDED_FROM_OUTSIDE
    ],
    vlan("says-nothing", "vde_switch", HANGS, "fault",
         "vlan 1: vde_switch.*did not answer", is_slow=True, bound=60),
    vlan("is-not-executable", "vde_plug", "exit 3", "fault", "vde_plug.*exited with status 3",
         call="vlan1.capture('a.pcap')"),
    *[vlan("hangs", "vde_plug", HANGS, end, call="vlan1.capture('a.pcap')")
      for end in ENDED_FROM_OUTSIDE],
]  # fmt: skip

# Vsocks: the fake of vhost-device-vsock is in tests/fakes.
VSOCK = (("enable_ssh_backdoor", True),)


def with_vsock(behaviour: str) -> Fields:
    quick = QUICK["env"] if behaviour == "hang" else ()  # on a slow host, others need their time
    env = (("FAKE_VSOCK", behaviour), *quick)
    return {"settings": VSOCK, "env": env, "start": "fake vsock"}


LOST = "vhost-device-vsock.*(was killed by signal 9|exited)"
VSOCKS = [
    starting("vsock", "exits-at-once", "fault", LOST + ".*no vsocks today", **with_vsock("exit")),
    starting("vsock", "hangs-at-start", "fault", "vhost-device-vsock did not make its sockets",
             **with_vsock("hang")),
    *[
        starting("vsock", "hangs-at-start", end, sign="start vsock", start="fake vsock",
                 settings=VSOCK, env=(("FAKE_VSOCK", "hang"),))
        for end in ENDED_FROM_OUTSIDE
    ],
]  # fmt: skip
VSOCK_ROWS = [
    Row("vsock", "killed", "kill vsock", ["succeed", "wait_for_unit", "3mb-command"],
        words="machine 'web'.*vsock|" + LOST, more=with_vsock("shells")),
    Row("vsock", "killed", "kill vsock", ["succeed", "copy_from_host", "the-end", "release"],
        ["any"], moments=["before"], more=with_vsock("shells")),
    Row("vsock", "stopped", "stop vsock", ["succeed", "wait_for_unit", "3mb-command",
        "blocking-probe"], ["limit-or-not"], moments=["before"], more=with_vsock("shells")),
    Row("vsock", "stopped", "stop vsock", ["succeed", "wait_for_unit"],
        [*LIMITED, "sigterm", "global"], more=with_vsock("shells")),
    Row("vsock", "stopped", "stop vsock", ["the-end", "release"], ["harmless"],
        moments=["before"], more=with_vsock("shells")),
    Row("vsock", "has-a-stopped-guest", "stop vsock-shells", ["succeed", "3mb-command",
        "wait_for_unit"], LIMITED, more=with_vsock("shells")),
    Row("vsock", "killed-unused", "kill vsock", ["succeed", "the-end"], ["harmless"],
        LOST, ["before"], more=with_vsock("")),
]  # fmt: skip


# Seconds: text recognition of a screenshot taken in time may continue after the limit.
LAST_READING = 10


def ocr(what: str, script: str, call: str, end: str, words: str = "") -> Case:
    limit = ", timeout=2" if end == "limit" else ""
    return starting("tesseract", f"{what}-in-{call.partition('(')[0]}", end, words, starts=True,
                    machines=(("web", ""),), call=f"web.{call}".replace(")", f"{limit})"),
                    bound=ENDS[end].after + MARGIN + LAST_READING,
                    tools=(("tesseract", script),))  # fmt: skip


OCR = [
    ocr(what, script, "wait_for_text('never')", end)
    for what, script in (("hangs", HANGS), ("stubborn", STUBBORN), ("babbles", BABBLES),
                         ("slow", SLOW), ("leaves-a-child", "sleep 1000 & exit 0"),
                         ("reads-nothing", "exec <&-; exec sleep 1000"))
    for end in (*LIMITED, "global")
] + [
    ocr(what, script, "get_screen_text()", end)
    for what, script in (("hangs", HANGS), ("stubborn", STUBBORN))
    for end in ENDED_FROM_OUTSIDE
] + [
    ocr(what, script, call, "fault", words)
    for call in ("get_screen_text()", "wait_for_text('never')")
    for what, script, words in (
        ("fails", "echo no eyes >&2; exit 3", "OCR failed with status 3: no eyes"),
        ("killed", "kill -KILL $$", "OCR failed with status (-9|137)"),
    )
]  # fmt: skip

# The orphan guard.
GUARD = [
    Row("guard", what, f"{fault} guard", ["succeed", "copy_from_host", "screenshot", "the-end",
        "release"], ["harmless"], moments=["before"])
    for what, fault in (("killed", "kill"), ("stopped", "stop"))
] + [
    Row("guard", what, f"{fault} guard", ["succeed", "idle"], ENDED_FROM_OUTSIDE)
    for what, fault in (("killed", "kill"), ("stopped", "stop"))
] + [
    Row("guard", "stopped", "stop guard", ["succeed", "idle", "copy_from_host"], ["sigkill"]),
]  # fmt: skip
GUARD_STARTS = [
    starting("guard", f"{what}-before-the-start", end, words, fault=f"{verb} guard",
             machines=(("web", options),))
    for what, verb in (("killed", "kill"), ("stopped", "stop"))
    for options, end, words in (("", "harmless", ""), ("--exit-at=start", "fault", DIED),
                                ("--hang-at=monitor", "sigterm", ""))
]  # fmt: skip

# The log's reader: without one, the log is lost, but the test continues.
UNREAD: Fields = {"is_silent": True, "starts": False}
NOISE = "--console-lines=1000000 --no-backdoor"
TALK = 'while True: log.log("x" * 1000)'
UNREADING = (("reads-nothing", "reader reads-nothing", ""), ("stopped", "", "stop reader"))
READER = [
    starting("reader", f"{what}-while-{doing}", end, call=call, start=start, fault=fault,
             machines=(("web", options),), **UNREAD)
    for what, start, fault in UNREADING
    for doing, call, options in (("the-guest-talks", "web.connect()", NOISE),
                                 ("the-script-talks", TALK, ""))
    for end in ENDED_FROM_OUTSIDE
] + [
    starting("reader", f"{what}-while-the-guest-talks-in-a-wait", "limit", start=start, fault=fault,
             call='web.start(); web.wait_for_console_text("never", timeout=2)',
             machines=(("web", NOISE),), **UNREAD)
    for what, start, fault in UNREADING
] + [
    starting("reader", f"gone-while-{doing}", end, call=call, fault="kill reader",
             machines=(("web", options),), **UNREAD)
    for doing, call, options, end in (
        ("the-guest-talks", "web.connect()", "--console-lines=20000", "harmless"),
        ("the-script-talks", 'for i in range(1000): log.log("x" * 1000)', "", "harmless"),
        ("the-guest-talks-for-ever", "web.connect()", NOISE, "global"),
    )
]  # fmt: skip

FULL = r"No space left|File too large"
FILL = """
with open("base/fill", "wb", 0) as file, contextlib.suppress(OSError):
    while True: file.write(bytes(1024))
"""
BIG_FILE = 'web.succeed("head -c 3000000 /dev/zero >made")\n'


def full(what: str, start: str, call: str, end: str, words: str = FULL, **more: Any) -> Case:
    fields: Fields = {"machines": (("web", ""),), "starts": True, **more}
    return starting("disk", what, end, words, call=call, start=start, **fields)


DISK = [
    case
    for start, where in (("tmpfs out", "output-directory"), ("fsize", "files-limited"))
    for case in (
        full(f"{where}-copy_from_machine", start, BIG_FILE + 'web.copy_from_machine("made", "")'
             if start != "fsize" else 'web.copy_from_machine("/usr/bin/python3", "")', "fault"),
        full(f"{where}-junit", start, 'log.log("x" * 3000000)', "any", ""),
        full(f"{where}-logfile", start, 'log.log("x" * 3000000)', "harmless", "",
             env=(("LOGFILE", "out/log.xml"),)),
        full(f"{where}-script-writes", start,
             'with open("out/x", "wb") as file: file.write(b"x" * 3000000)', "fault"),
        full(f"{where}-pcap", start, 'vlan1.capture("a.pcap"); web.succeed("true")', "harmless", "",
             vlans=(1,)),
        full(f"{where}-succeed", start, 'web.succeed("true")', "harmless", ""),
    )
] + [
    full(f"base-directory-{what}", "tmpfs base", call, end, words)
    for what, call, end, words in (
        ("succeed", 'web.succeed("true")', "harmless", ""),
        ("copy_from_host", BIG, "fault", "big.*copied.*No space left"),
        ("screenshot", FILL + 'web.screenshot("shot")', "fault", "web.*(No space left|picture)"),
        ("ocr", FILL + "web.get_screen_text()", "fault", "web.*(No space left|picture)"),
        ("3mb-command", 'web.succeed(": " + "x" * 3000000)', "any", ""),
    )
] + [
    full("output-directory-is-read-only", "read-only", "pass", "refused", "out.*-o", starts=False),
]  # fmt: skip

WORK = """
web.succeed("true")
web.screenshot("shot")
web.copy_from_host("big", "copied")
web.copy_from_machine("copied", "")
vlan1.capture("a.pcap").stop()
"""
NO_DESCRIPTORS = "Too many open files|descriptors"
NO_MEMORY = "[Mm]emory|bad_alloc|Cannot allocate|Resource temporarily"
LIMITS = [
    starting("descriptors", f"limited-to-{count}", "any", start=f"nofile {count}", call=WORK,
             machines=(("web", ""),), vlans=(1,),
             words=f"{NO_DESCRIPTORS}|test script finished|cannot start Python")
    for count in (5, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 32, 36, 40, 48, 64, 128)
] + [
    starting("memory", f"limited-to-{size}-mb", "any", start=f"as {size}", call=WORK,
             machines=(("web", ""),), vlans=(1,), words=f"{NO_MEMORY}|test script finished",
             statuses=(0, 1, -6))  # it aborts if there is no memory for the error either
    for size in (60, 80, 100, 120, 140, 160, 200, 250, 300, 400, 600)
] + [
    starting("memory", "for-50mb-output", "any", start="as 400", machines=(("web", ""),),
             call='web.succeed("head -c 250000000 /dev/zero")', words=NO_MEMORY)
]  # fmt: skip
LATE_LIMITS = [
    Row("descriptors", "used-up", "nofile driver", ["screenshot", "copy_from_host",
        "get_screen_text", "capture"], words=NO_DESCRIPTORS, moments=["before"], more=VLAN),
    Row("descriptors", "used-up", "nofile driver", ["succeed", "monitor-command", "the-end",
        "release"], ["any"], moments=["before"]),
    Row("descriptors", "used-up", "nofile driver", ["succeed"], ["sigterm", "global", "sigkill"]),
]  # fmt: skip

ROWS: list[Row] = [
    *QEMU, *SCRIPT, *GUEST, *CONTROL, *WORKER, *PROGRAMS, *CHANNELS, *VDE, *VSOCK_ROWS, *GUARD,
    *LATE_LIMITS,
]  # fmt: skip
SINGLE: list[Case] = [
    *START, *VDE_START, *VSOCKS, *OCR, *GUARD_STARTS, *READER, *DISK, *LIMITS,
]  # fmt: skip


def unique(cases: Sequence[Case]) -> list[Case]:
    """Check that no two cases have the same name."""
    seen: set[str] = set()
    for case in cases:
        assert case.id not in seen, f"two cases are called {case.id}"
        seen.add(case.id)
    return list(cases)


def covering(cases: Sequence[Case]) -> list[Case]:
    """A small selection of the cases that still has every pair of values.

    The pairs are: fault and moment, fault and end, kind of fault and call. A failure usually
    depends on two of these, hardly ever on three.
    """

    def pairs(case: Case) -> set[tuple[Any, ...]]:
        fault = (case.who, case.fault or (case.machines, case.tools, case.start))
        return {
            ("fault", fault, case.moment),
            ("fault", fault, case.end),
            ("call", case.fault.partition(" ")[0], case.call),
        }

    shown = {case.id: pairs(case) for case in cases}
    left = set[tuple[Any, ...]]().union(*shown.values())
    chosen: set[str] = set()
    while left:
        best = max(shown, key=lambda name: len(shown[name] & left))
        chosen.add(best)
        left -= shown[best]
    return [case for case in cases if case.id in chosen]


CASES = unique([*(case for row in ROWS for case in row.cases()), *SINGLE])
