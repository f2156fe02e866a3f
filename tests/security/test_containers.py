"""Containers whose root user is hostile: it can reach neither the host nor the processes of the
driver that run commands in the container."""

from __future__ import annotations

import os
import socket
import subprocess
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from containers import start_script
from harness import Conversation, Result, Workspace

RunDriver = Callable[..., Result]
SpawnDriver = Callable[..., Conversation]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="containers take root")

# systemd-nspawn with the host's /usr, and a shell as init that runs the scripts in /attack.
NSPAWN = """
root=$RUN_NSPAWN_ROOT_DIR{root}
mkdir -p "$root"/usr "$root"/etc "$root"/tmp "$root"/attack "$root"/var
for name in bin sbin lib lib64; do ln -s "usr/$name" "$root/$name"; done
cp /etc/os-release "$root/etc/"
cp {attack}/* "$root/attack/" 2>/dev/null || true
export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 # it looks for a systemd in the root that would say so
echo "systemd-nspawn's PID is $$"
exec systemd-nspawn --quiet --register=no --keep-unit --console=pipe --private-network \\
    --directory="$root" --bind-ro=/usr {options} /bin/sh -c '
        for attack in /attack/*.sh; do [ ! -e "$attack" ] || sh "$attack"; done
        echo Welcome to NixOS 26.05
        exec sleep infinity'
"""


class Box:
    """A container called box, with programs in its directory /attack."""

    def __init__(self, workspace: Workspace, run: RunDriver, spawn: SpawnDriver) -> None:
        self._workspace = workspace
        self._run = run
        self._spawn = spawn
        self._attack = workspace.root / "attack"
        self._attack.mkdir()

    def has(self, name: str, text: str) -> None:
        """Put a file into /attack; init runs those that end in .sh before anything else."""
        (self._attack / name).write_text(textwrap.dedent(text))
        (self._attack / name).chmod(0o755)

    def _containers(self, options: str, root: str = "/root") -> dict[str, Path]:
        body = NSPAWN.format(attack=self._attack, options=options, root=root)
        return {"box": start_script(self._workspace, "box", body)}

    def run(self, script: str, options: str = "", root: str = "/root") -> Result:
        return self._run(script, containers=self._containers(options, root))

    def spawn_on_terminal(self, script: str) -> Conversation:
        return self._spawn(script, terminal=True, containers=self._containers(""))


@pytest.fixture
def box(workspace: Workspace, run_driver: RunDriver, spawn_driver: SpawnDriver) -> Box:
    return Box(workspace, run_driver, spawn_driver)


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[bytes]]:
    """A process on the host."""
    with subprocess.Popen(["sleep", "1000"]) as process:
        yield process
        process.kill()


KINDS = "cgroup ipc mnt net pid time user uts"
PRIVATE_USERS = "--private-users=1048576:65536 --private-users-ownership=chown"


# ------------------------------------------------------------------------- what a command has


def test_users_of_its_own_do_for_the_next_run(box: Box) -> None:
    """systemd-nspawn changes the owner of the root directory to the container's users."""
    for _ in range(2):
        box.run('box.succeed("chmod 777 /")', PRIVATE_USERS, root="").must_succeed()


@pytest.mark.parametrize("options", ["", PRIVATE_USERS, "--drop-capability=CAP_CHOWN,CAP_KILL"])
def test_a_command_can_do_what_init_can(box: Box, options: str) -> None:
    box.run(
        f"""
        def compare(command):
            ours, theirs = (box.succeed(command.format(who)) for who in ("self", "1"))
            assert ours == theirs and ours, (ours, theirs)

        compare("grep -E '^(Cap|NoNewPrivs|Uid|Gid)' /proc/{{}}/status")
        compare("cat /proc/{{}}/uid_map")
        compare("cat /proc/{{}}/gid_map")
        compare("grep ^0:: /proc/{{}}/cgroup")
        compare("for kind in {KINDS}; do readlink /proc/{{}}/ns/$kind; done")
        compare("stat -L -c '%d %i' /proc/{{}}/root")
        assert box.succeed("id -u; id -G") == "0\\n0\\n"
        """,
        options,
    ).must_succeed()


def test_no_new_privileges_stay_so(box: Box) -> None:
    script = "assert '1' in box.succeed('grep NoNewPrivs /proc/self/status')"
    box.run(script, "--no-new-privileges=yes").must_succeed()


def test_a_command_has_the_root_of_init(run_driver: RunDriver, workspace: Workspace) -> None:
    """The root of init's mount namespace may still have the host's files from the start script."""
    body = """
        root=$RUN_NSPAWN_ROOT_DIR{root}
        mkdir -p "$root"/usr "$root"/proc "$root"/tmp
        for name in bin sbin lib lib64; do ln -s "usr/$name" "$root/$name"; done
        echo "systemd-nspawn's PID is $$"
        exec unshare --pid --mount --fork --kill-child sh -c '
            mount --bind /usr "$0/usr" && mount -t proc proc "$0/proc"
            echo Welcome to NixOS 26.05
            exec chroot "$0" sleep infinity' "$root"
        """
    containers = {"box": start_script(workspace, "box", body)}
    script = "assert box.succeed('ls /').split() == 'bin lib lib64 proc sbin tmp usr'.split()"
    run_driver(script, containers=containers).must_succeed()


def test_nothing_of_the_host_is_open(box: Box) -> None:
    """With an open file descriptor, a command could change the mode of the host's /dev/null."""
    before = os.stat("/dev/null").st_mode
    box.run(
        """
        look = "for n in $(seq 0 999); do if [ -L /proc/$$/fd/$n ]; then echo $n; fi; done"
        assert box.succeed(look) == "0\\n1\\n2\\n"
        box.succeed("chmod 0600 /proc/self/fd/0")
        box.fail("echo changed 1<>/proc/self/fd/0 >&0")
        box.succeed("for fd in 0 1 2; do ! ls /proc/self/fd/$fd/; done")
        """
    ).must_succeed()
    after = os.stat("/dev/null").st_mode
    os.chmod("/dev/null", before & 0o7777)
    assert after == before


def test_a_command_has_no_terminal(box: Box) -> None:
    """With TIOCSTI, a command could type into the driver's terminal; a host shell would run it."""
    driver = box.spawn_on_terminal(
        "print('tty:', box.execute('exec 3<>/dev/tty && echo opened || echo none')[1])"
    )
    said = driver.expect("tty: (opened|none)")
    driver.end()
    assert said[1] == "none"


# System calls with invalid arguments: they fail with EPERM only for callers without permission.
CALLS = """\
#!/usr/bin/python3
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
calls = {
    "kexec_load": (246, 0, 1000, None, 0xff),
    "open_by_handle_at": (304, -1, bytes(136), 0),
    "keyctl": (250, 0, -3, 0),
    "bpf": (321, 1000, None, 0),
    "fanotify_init": (300, 0xffff, 0xffff),
    "swapoff": (168, None),
    "quotactl": (179, 0, None, 0, None),
}
for name, call in calls.items():
    ended = libc.syscall(*call)
    print(name, "refused" if ended < 0 and ctypes.get_errno() == 1 else "allowed")
"""


def test_a_command_can_make_no_calls_that_init_cannot(box: Box) -> None:
    """For example, open_by_handle_at() lets root read all files of a host file system."""
    box.has("calls", CALLS)
    box.has("calls.sh", "/attack/calls >/tmp/by-init")
    box.run(
        """
        ours, inits = box.succeed("/attack/calls"), box.succeed("cat /tmp/by-init")
        assert ours == inits and "kexec_load refused" in ours, (ours, inits)
        """
    ).must_succeed()


def test_a_command_has_keys_of_its_own(run_driver: RunDriver, workspace: Workspace) -> None:
    """Keyrings have no namespaces, so a container without a system call filter can use them."""
    look = "import ctypes; print(ctypes.CDLL(None).syscall(250, 0, -3, 0))"
    run_driver(
        f"""
        import subprocess, sys
        look = [{look!r}]
        ours = subprocess.run(["python3", "-c", *look], stdout=subprocess.PIPE, text=True).stdout
        assert box.succeed(f"/usr/bin/python3 -c '{look}'") != ours
        """,
        containers={"box": start_script(workspace, "box")},
    ).must_succeed()


# ------------------------------------------------------------------------ what gets at a command

HOSTILE_SHELL = """\
#!/usr/bin/python3
import os, pathlib, subprocess

place = pathlib.Path("/tmp/proc")
place.mkdir(exist_ok=True)
subprocess.run(["mount", "-t", "proc", "proc", str(place)], check=True)
seen = [p.read_bytes() for p in place.glob("[0-9]*/cmdline")]
print("sees the host:", any(b"nixos-test-driver" in line for line in seen))
try:
    os.kill({victim}, 9)
except ProcessLookupError:
    pass
"""


def test_hostile_shell(box: Box, victim: subprocess.Popen[bytes]) -> None:
    """A hostile shell runs inside the container: it can neither see nor kill host processes."""
    box.has("shell", HOSTILE_SHELL.format(victim=victim.pid))
    box.has("shell.sh", "mount --bind /attack/shell /bin/bash; mount --bind /attack/shell /bin/sh")
    box.run("log.info(box.execute('true')[1])").must_say("sees the host: False")
    assert victim.poll() is None


# A FUSE file system whose server never answers: every access to it blocks.
HANG = """\
#!/usr/bin/python3
import ctypes, os, sys, time
fd = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={fd},rootmode=40000,user_id=0,group_id=0".encode()
if ctypes.CDLL(None).mount(b"fuse", sys.argv[1].encode(), b"fuse", 0, options) != 0:
    sys.exit("no FUSE")
open("/attack/mounted", "w").close()
time.sleep(1000)
"""
WAIT_FOR_HANG = "until [ -e /attack/mounted ]; do sleep 0.01; done\n"
WITH_FUSE = "--bind=/dev/fuse"

# Records what the container can see of a process that is about to execute a shell.
WATCHER = """\
#!/usr/bin/python3
import json, os, time

def text(path):
    with open(path, "rb") as file:
        return file.read(1 << 20).decode(errors="replace")

while True:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if "exit 3" not in text(f"/proc/{pid}/cmdline") or pid == str(os.getpid()):
            continue
        files = [os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd")]
        mapped = [line.split()[5] for line in text(f"/proc/{pid}/maps").splitlines() if "/" in line]
        seen = {
            "program": os.readlink(f"/proc/{pid}/exe"),
            "files": sorted(name.split(":[")[0] for name in files),
            "mapped": sorted(set(mapped)),
            "variables": "NTD_TEST_ID" in text(f"/proc/{pid}/environ"),
            "same root": os.stat(f"/proc/{pid}/root").st_ino == os.stat("/").st_ino,
            "namespaces": [
                kind
                for kind in os.listdir("/proc/1/ns")
                if os.readlink(f"/proc/{pid}/ns/{kind}") != os.readlink(f"/proc/1/ns/{kind}")
            ],
        }
        with open("/attack/new", "w") as file:
            json.dump(seen, file)
        os.rename("/attack/new", "/attack/seen")
        time.sleep(1000)
    time.sleep(0.05)
"""


def test_a_tracer_finds_nothing_in_a_process_that_has_just_been_born(box: Box) -> None:
    """Root in the container can block the exec of a shell, on a file system that does not answer.

    So it can inspect for any time the process that came from outside.
    """
    box.has("hang", HANG)
    box.has("watcher", WATCHER)
    box.has("hang.sh", "mkdir /hang\n/attack/hang /hang &\n" + WAIT_FOR_HANG)
    box.run(
        """
        import json, subprocess
        box.succeed("/attack/watcher >&2 &")
        box.succeed("rm /bin; mkdir /bin; ln -s /usr/bin/sh /bin/sh; ln -s /hang/bash /bin/bash")
        result = box.state_dir / "root/attack/seen"

        def is_seen(_):
            with t.assertRaises(subprocess.TimeoutExpired):
                box.execute("exit 3", timeout=1)
            return result.exists()

        retry(is_seen)
        seen = json.loads(result.read_text())
        assert seen == {
            "program": "/memfd:ntd-porter (deleted)",
            "files": ["/memfd:ntd-input (deleted)", "pipe", "pipe"],
            "mapped": ["/memfd:ntd-porter"],
            "variables": False,
            "same root": True,
            "namespaces": [],
        }, seen
        """,
        WITH_FUSE,
    ).must_succeed()


def test_signals_to_the_group_of_a_command_end_that_alone(box: Box) -> None:
    box.run(
        """
        assert box.execute("kill -KILL 0")[0] == 137
        assert box.succeed("echo goes on") == "goes on\\n"
        """
    ).must_succeed()


def test_a_time_limit_holds_against_who_stops_everything(box: Box) -> None:
    box.run(
        """
        import subprocess
        with t.assertRaises(subprocess.TimeoutExpired):
            box.execute("kill -STOP 0; kill -STOP -1", timeout=1)
        """
    ).must_succeed()


# ---------------------------------------------------------------------- what the driver looks at


def test_no_command_runs_before_init_does(run_driver: RunDriver, workspace: Workspace) -> None:
    """A console message does not prove that init runs: it may come from an earlier init.

    systemd-nspawn may still be setting up the container, with more rights than init will have.
    """
    nspawn = workspace.write(
        "nspawn",
        """#!/usr/bin/python3
import os, socket, time
os.unshare = lambda flags: __import__("ctypes").CDLL(None).unshare(flags)
print(f"systemd-nspawn's PID is {os.getpid()}\\nWelcome to NixOS 26.05", flush=True)
os.unshare(0x20000000)
child = os.fork()
if child == 0:
    os.unshare(0x04000000 | 0x00020000)
    os.system("mount -t proc proc /proc")
    time.sleep(0.5)
    socket.sethostname("ready")
    os.execvp("sleep", ["sleep", "infinity"])
os.waitpid(child, 0)
""",
        0o755,
    )
    containers = {"box": start_script(workspace, "box", f"exec {nspawn}")}
    script = "assert box.succeed('hostname') == 'ready\\n'"
    run_driver(script, containers=containers).must_succeed()


def test_links_of_a_container_lead_nowhere_on_the_host(box: Box, workspace: Workspace) -> None:
    """The driver looks at /run/systemd/private to find out whether systemd is running."""
    there = workspace.root / "host-systemd"
    there.mkdir()
    (there / "private").touch()
    box.has("link.sh", f"rm -rf /run/systemd; ln -s {there} /run/systemd")
    box.run("box.succeed('true')").must_succeed()


SCREEN = """\
#!/usr/bin/python3
import os, socket, sys, time
if len(sys.argv) == 1:
    os.makedirs("/tmp/.X11-unix")
    socket.socket(socket.AF_UNIX).bind("/tmp/.X11-unix/X3")
else:
    os.symlink({target!r}, sys.argv[sys.argv.index("-unixsock") + 1])
"""


def test_a_screen_is_no_socket_of_the_host(box: Box, workspace: Workspace) -> None:
    """A viewer gets a socket that the container has put into the shared directory."""
    target, seen = workspace.root / "socket", workspace.root / "seen"
    box.has("screen", SCREEN.format(target=str(target)))
    viewer = workspace.write("viewer", f"#!/bin/sh\ntouch {seen}\n", 0o755)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(target))
        box.run(
            f"""
            import os, time
            from types import SimpleNamespace
            from test_driver.screen.displays import Display

            box.succeed("/attack/screen")
            link = str(box.shared_dir / "vnc-box-3")
            target = SimpleNamespace(backend="x11", display=":3", xauthority="-")
            display = Display(box, target, "/attack/screen", {str(viewer)!r})
            retry(lambda _: os.path.islink(link))
            time.sleep(1)  # several looks
            display.stop()
            assert not os.path.exists({str(seen)!r})
            """,
            '--bind="$RUN_NSPAWN_SHARED_DIR:/tmp/shared"',
        ).must_succeed()
    target.unlink()


def test_a_file_system_that_does_not_answer_keeps_nobody(box: Box) -> None:
    """The container has mounted a FUSE at /run whose server never answers."""
    box.has("hang", HANG)
    box.has("hang.sh", "/attack/hang /run &\n" + WAIT_FOR_HANG)
    box.run("box.succeed('true')", WITH_FUSE).must_succeed()
