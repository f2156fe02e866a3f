"""Other users of the host: the driver uses no files that they prepared, and keeps them out."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import Command, Conversation, Result, Workspace

RunDriver = Callable[..., Result]
SpawnDriver = Callable[..., Conversation]

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="another user to act as takes root")
pytestmark = needs_root

WORKS = """
assert web.succeed("echo up") == "up\\n"
"""


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Act as another user, with that user's rights, within the context."""
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.fixture
def shared(workspace: Workspace) -> Path:
    """A directory like /tmp."""
    workspace.root.chmod(0o755)
    directory = workspace.root / "shared"
    directory.mkdir()
    directory.chmod(0o1777)
    return directory


@pytest.fixture
def victim(workspace: Workspace) -> Path:
    """A directory of root that another user would like to change."""
    directory = workspace.root / "victim"
    directory.mkdir(mode=0o755)
    directory.chmod(0o755)
    (directory / "file").write_text("precious")
    return directory


def prepare(path: Path, kind: str, victim: Path) -> None:
    """Create what another user may have put at ``path`` before the driver starts."""
    with as_nobody():
        if kind == "directory":
            path.mkdir(mode=0o777)
        elif kind == "link to a directory":
            path.symlink_to(victim)
        elif kind == "link to nothing":
            path.symlink_to(victim / "new")
        elif kind == "file":
            path.write_text("")


PREPARED = ["directory", "link to a directory", "link to nothing", "file"]


@pytest.mark.parametrize("kind", PREPARED)
@pytest.mark.parametrize("name", ["vm-state-web", "shared-xchg", "vde1.ctl"])
@pytest.mark.parametrize("keep", [False, True])
def test_what_others_have_prepared_is_refused(
    run_driver: RunDriver, shared: Path, victim: Path, name: str, kind: str, keep: bool
) -> None:
    path = shared / name
    prepare(path, kind, victim)
    before = path.lstat()
    args = ["--keep-machine-state"] if keep else []
    result = run_driver(WORKS, env={"TMPDIR": str(shared)}, vlans=[1], args=args)
    result.must_fail(f"'{path}' is ", f"of user {NOBODY}", "user 0", "remove it")
    result.must_not_say("starting vm", "Traceback")
    after = path.lstat()
    assert (after.st_ino, after.st_mode, after.st_uid) == (before.st_ino, before.st_mode, NOBODY)
    assert [entry.name for entry in victim.iterdir()] == ["file"]
    assert stat.S_IMODE(victim.stat().st_mode) == 0o755


def test_a_machine_of_the_script_is_refused_alike(
    run_driver: RunDriver, workspace: Workspace, shared: Path, victim: Path
) -> None:
    prepare(shared / "vm-state-more", "directory", victim)
    script = f"""
        from test_driver.errors import MachineError

        with t.assertRaises(MachineError) as raised:
            create_machine("{workspace.start_script('more')}", name="more")
        assert "vm-state-more' is a directory of user {NOBODY}" in str(raised.exception)
        {WORKS.strip()}
    """
    run_driver(script, env={"TMPDIR": str(shared)}).must_succeed()


def test_one_that_comes_between_two_starts_is_refused(
    run_driver: RunDriver, shared: Path, victim: Path
) -> None:
    script = f"""
        import shutil

        web.succeed("true")
        web.crash()
        shutil.rmtree(web.state_dir)
        os.symlink("{victim}", web.state_dir)
        os.lchown(web.state_dir, {NOBODY}, {NOBODY})
        web.start()
    """
    result = run_driver(script, env={"TMPDIR": str(shared)})
    result.must_fail("vm-state-web' is a symbolic link of user 65534")
    assert [entry.name for entry in victim.iterdir()] == ["file"]


COMES_AND_GOES = """
import os, sys
victim, path = sys.argv[1:]
while True:
    for make, remove in ((os.mkdir, os.rmdir), (lambda _: os.symlink(victim, path), os.unlink)):
        for step in (make, remove):
            try:
                step(path)
            except OSError:
                pass
"""


@pytest.mark.parametrize("name", ["vm-state-web", "shared-xchg", "vde1.ctl"])
def test_somebody_who_is_quick(
    run_driver: RunDriver, shared: Path, victim: Path, name: str
) -> None:
    command = [sys.executable, "-c", COMES_AND_GOES, str(victim), str(shared / name)]
    script = f"""
        status = os.lstat("{shared / name}")
        assert (status.st_uid, oct(status.st_mode)) == (0, "0o40700"), status
    """
    with subprocess.Popen(command, user=NOBODY, group=NOBODY, extra_groups=[]) as somebody:
        try:
            results = [
                run_driver(script, env={"TMPDIR": str(shared)}, vlans=[1]) for _ in range(5)
            ]
        finally:
            somebody.kill()
    for result in results:
        if result.returncode:
            result.must_fail(str(shared / name)).must_not_say("run the VM test script")
    assert [entry.name for entry in victim.iterdir()] == ["file"]
    assert stat.S_IMODE(victim.stat().st_mode) == 0o755


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o1777])
def test_state_that_others_can_write_to_is_refused(
    run_driver: RunDriver, workspace: Workspace, mode: int
) -> None:
    path = workspace.base / "vm-state-web"
    path.mkdir()
    path.chmod(mode)
    result = run_driver(WORKS, args=["-K"])
    result.must_fail(f"'{path}' can be written to by others", f"{mode:04o}", "chmod go-w")
    result.must_not_say("starting vm")


@pytest.mark.parametrize("change", ["0777", "01777", "0555"])
def test_shared_directory_that_a_guest_has_opened_is_closed_again(
    run_driver: RunDriver, workspace: Workspace, change: str
) -> None:
    """Guests may change the directory's mode, but its content is never trusted anyway."""
    script = f"""
        web.start()
        web.crash()
        os.chmod(web.shared_dir, 0o{change.lstrip('0')})
        web.start()
        assert os.stat(web.shared_dir).st_mode & 0o7777 == 0o700
        os.chmod(web.shared_dir, 0o{change.lstrip('0')})
    """
    for _ in range(2):
        run_driver(script).must_succeed()


@pytest.mark.parametrize("name", ["state_dir", "shared_dir"])
def test_directory_that_a_guest_has_given_away_stays_in_use(
    run_driver: RunDriver, shared: Path, name: str
) -> None:
    script = f"""
        web.start()
        web.crash()
        os.chown(web.{name}, {NOBODY}, {NOBODY})
        web.start()
        assert os.stat(web.{name}).st_mode & 0o7777 == 0o700
    """
    run_driver(script, env={"TMPDIR": str(shared)}).must_succeed()


@pytest.mark.parametrize("args", [[], ["-K"]])
def test_directories_that_a_guest_has_given_away_do_for_the_next_run(
    run_driver: RunDriver, workspace: Workspace, args: list[str]
) -> None:
    script = f"""
        web.succeed("true")
        for directory in web.state_dir, web.shared_dir:
            os.chmod(directory, 0o777)
            os.chown(directory, {NOBODY}, {NOBODY})
    """
    for _ in range(2):
        run_driver(script, args=args).must_succeed()
        for name in ("vm-state-web", "shared-xchg"):
            status = (workspace.base / name).stat()
            assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (0, 0o700)


def test_a_link_of_ours_is_no_directory(run_driver: RunDriver, workspace: Workspace) -> None:
    (workspace.base / "shared-xchg").symlink_to(workspace.root)
    run_driver(WORKS).must_fail("shared-xchg' is a symbolic link, but a directory is needed")


def test_directories_of_ours_are_used_again(run_driver: RunDriver, shared: Path) -> None:
    script = WORKS + """
kept = web.state_dir / "kept"
first = not kept.exists()
kept.write_text("")
print("first" if first else "again")
"""
    for expected in ("first", "again", "again"):
        result = run_driver(script, env={"TMPDIR": str(shared)}, vlans=[1], args=["-K"])
        assert expected in result.must_succeed().stdout.splitlines()
    assert "first" in run_driver(script, env={"TMPDIR": str(shared)}).must_succeed().stdout


@pytest.mark.parametrize("mask", ["0", "022", "077"])
def test_what_is_made_is_ours_alone_whatever_the_umask(
    workspace: Workspace, shared: Path, mask: str
) -> None:
    script = WORKS + """
import stat
places = [web.state_dir, web.shared_dir, vlan1.socket_dir, driver.vhost_vsock.sockets["web"].host.parent]
for place in places:
    print("mode", oct(stat.S_IMODE(os.lstat(place).st_mode)), os.lstat(place).st_uid)
"""
    command = workspace.command(
        script, vlans=[1], generation="json", settings={"enable_ssh_backdoor": True},
        env={"TMPDIR": str(shared), "PATH": f"{FAKES}:{os.environ['PATH']}"},
    )
    result = workspace.run(through_shell(f"umask {mask}", command)).must_succeed()
    assert re.findall("^mode .*$", result.stdout, re.MULTILINE) == ["mode 0o700 0"] * 4


FAKES = Path(__file__).resolve().parents[1] / "fakes"


def through_shell(prepare: str, command: Command) -> Command:
    """Run ``prepare`` in the process that becomes the driver; its PID is $$."""
    return Command(["sh", "-c", f'{prepare} && exec "$@"', "sh", *command.argv], command.env)


def test_names_with_our_number_in_them(workspace: Workspace, victim: Path) -> None:
    """If the base directory's path is long, there are links in /tmp; their names have our PID."""
    deep = workspace.base / ("d" * 150)
    deep.mkdir()
    for name in ("", "-vde1.ctl", "-vsock-1"):
        assert not list(Path("/tmp").glob(f"ntd-*{name}.prepared"))
    prepare = f"""
        for name in /tmp/ntd-$$ /tmp/ntd-$$-vde1.ctl; do
            ln -s {victim} $name && chown -h {NOBODY} $name || exit
        done; echo pid $$"""
    command = workspace.command(WORKS, vlans=[1], env={"TMPDIR": str(deep)})
    result = workspace.run(through_shell(prepare.strip(), command)).must_succeed()
    pid = re.search(r"^pid (\d+)$", result.stdout, re.MULTILINE)
    assert pid
    for name in (f"/tmp/ntd-{pid[1]}", f"/tmp/ntd-{pid[1]}-vde1.ctl"):
        assert os.lstat(name).st_uid == NOBODY, "what somebody else has made is not ours to remove"
        os.unlink(name)
    assert [entry.name for entry in victim.iterdir()] == ["file"]


def test_base_directory_that_lets_others_rename(run_driver: RunDriver, shared: Path) -> None:
    shared.chmod(0o777)
    result = run_driver(WORKS, env={"TMPDIR": str(shared)}).must_succeed()
    result.must_say(f"the base directory '{shared}'", "lets all users", "chmod +t")
    shared.chmod(0o1777)
    run_driver(WORKS, env={"TMPDIR": str(shared)}).must_succeed().must_not_say("lets all users")


# ----------------------------------------------------------------------------- files in a work place


def test_store_of_efi_variables_in_a_shared_place(workspace: Workspace, shared: Path) -> None:
    precious = workspace.root / "precious"
    precious.write_text("precious")
    store = shared / "vars.fd"
    script = "web.efi_vars.create_empty()"
    env = {"NIX_EFI_VARS": str(store)}
    prepare = f"ln -s {precious} {shared}/.vars.fd.$$ && chown -h {NOBODY} {shared}/.vars.fd.$$"
    result = workspace.run(through_shell(prepare, workspace.command(script, env=env)))
    result.must_succeed()
    assert precious.read_text() == "precious"
    assert store.is_file() and not store.is_symlink()


def test_recording_over_a_link_of_somebody(run_driver: RunDriver, workspace: Workspace) -> None:
    precious = workspace.root / "precious"
    precious.write_text("precious")
    link = workspace.out / "vlan1.pcap"
    link.symlink_to(precious)
    os.lchown(link, NOBODY, NOBODY)
    result = run_driver(WORKS, vlans=[1], args=["--keep-pcap"])
    result.must_fail(f"'{link}' is a symbolic link of user {NOBODY}")
    assert precious.read_text() == "precious"


@pytest.mark.parametrize("kind", ["link", "file"])
def test_history_of_somebody(
    spawn_driver: SpawnDriver, workspace: Workspace, kind: str
) -> None:
    precious = workspace.root / "precious"
    precious.write_text("+precious()\n")
    history = workspace.root / ".nixos-test-history"
    if kind == "link":
        history.symlink_to(precious)
    else:
        history.write_text("+evil()\n")
    os.lchown(history, NOBODY, NOBODY)
    driver = spawn_driver("", args=["-I"], env={"NTD_REPL": "python"}, terminal=True)
    driver.type("print(6 * 7)\n")
    driver.expect("^42")
    driver.type("exit()\n")
    assert driver.end() == 0
    assert "6 * 7" not in history.read_text()
    assert precious.read_text() == "+precious()\n"


# ----------------------------------------------------------------------------- the debugger


class Waiting:
    """A debugger that waits for a connection."""

    def __init__(self, driver: Conversation) -> None:
        port = driver.expect(r"a debugger listens on 127\.0\.0\.1:(\d+)").group(1)
        self.address = ("127.0.0.1", int(port))
        found = driver.expect(r"attach to it with: \(cat (\S+); cat\) \|")
        self.file = Path(found.group(1))

    def say(self, words: bytes) -> bytes:
        """Connect and send ``words``; return the answer up to the debugger's prompt or the end."""
        with socket.create_connection(self.address, timeout=60) as connection:
            connection.sendall(words)
            seen = b""
            while b"(Pdb)" not in seen and (data := connection.recv(4096)):
                seen += data
            return seen


@pytest.fixture
def waiting(spawn_driver: SpawnDriver, shared: Path) -> Iterator[Waiting]:
    """A waiting debugger; checks at the end that it still accepts the key."""
    script = 'debug.breakpoint()\nprint("went on")\n'
    args = ["--debug-hook-attach", "/bin/attach"]
    driver = spawn_driver(script, args=args, env={"TMPDIR": str(shared)})
    waiting = Waiting(driver)
    yield waiting
    key = waiting.file.read_bytes()
    assert b"(Pdb)" in waiting.say(key)
    driver.expect("went on")
    assert driver.end() == 0
    assert not waiting.file.exists()
    assert key.decode().strip() not in driver.seen.decode(), "the key is in the log"


WRONG = {
    "nothing": b"\n",
    "commands": b"import os; os.system('id')\n",
    "a guess": b"0" * 32 + b"\n",
    "much": b"x" * 100_000,
    "bytes": b"\xff\x00\n",
}


@pytest.mark.parametrize("words", WRONG)
def test_debugger_is_not_for_who_has_no_key(waiting: Waiting, words: str) -> None:
    with contextlib.suppress(ConnectionError):
        assert waiting.say(WRONG[words]) == b"key: "


def test_key_is_for_the_user_alone(waiting: Waiting) -> None:
    with as_nobody(), pytest.raises(PermissionError):
        waiting.file.read_bytes()


def test_who_says_nothing_keeps_nobody_out(waiting: Waiting) -> None:
    silent = [socket.create_connection(waiting.address, timeout=60) for _ in range(40)]
    silent[-1].sendall(b"half a key")
    waiting.file.stat()  # still waiting; the fixture connects in spite of these
    for connection in silent[:10]:
        connection.close()
