"""Copies of files and trees, through the root shell and through the shared directory."""

from __future__ import annotations

import hashlib
import os
import signal
import stat
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import AT_ONCE, PATIENCE, Conversation, Result, Workspace

RunDriver = Callable[..., Result]
SpawnDriver = Callable[..., Conversation]

ODD_NAMES = ["-dash", "it's", 'q"uote', "new\nline", "end\n", "ünï ☃", " x", "$x `y`", "*", "\\"]

# A fake machine has the host's /tmp, without a mounted shared directory. With the option it finds
# the shared directory there, too.
WAYS = {
    "shell": "",
    "shared": """
from test_driver.files import task
task.GUEST_SHARED = str(web.shared_dir)
""",
}

# The end of a script: checks that the shell answers the right command, and that no temporary file
# is left.
IN_STEP = """
assert web.execute("echo in step; exit 3") == (3, "in step\\n")
assert web.succeed(f"find . ~ {driver.out_dir} -name '.ntd-*'") == ""
assert not list(web.shared_dir.glob("copy-*"))
"""


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return WAYS[request.param]


def check(run_driver: RunDriver, script: str, way: str = "", **options: object) -> Result:
    return run_driver(way + textwrap.dedent(script) + IN_STEP, **options).must_succeed()


def make_tree(root: Path) -> Path:
    """Create a tree with every kind of file except devices."""
    tree = root / "tree"
    deep = tree / "a b" / "-c"
    deep.mkdir(parents=True)
    for name in ODD_NAMES:
        (deep / name).write_text(name)
        (tree / name).mkdir()
        (deep / name).chmod(0o640)
    (tree / os.fsdecode(b"no-utf8-\xff")).write_bytes(b"x" * (2 << 20))
    (tree / "large").write_bytes(os.urandom(9_000_001))
    (tree / "large").chmod(0o600)
    (tree / "empty").touch()
    (tree / "program").write_text("#!/bin/sh\n")
    (tree / "program").chmod(0o755)
    (tree / "link").symlink_to("a b/-c/it's")
    (tree / "dangling").symlink_to("/no/where")
    (tree / "link-to-tree").symlink_to("a b")
    deep.chmod(0o750)
    tree.chmod(0o711)
    return tree


def content(tree: Path) -> dict[str, tuple[str, str]]:
    """The mode and content of each file in a tree."""
    found = {}
    for path in [tree, *tree.rglob("*")]:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            value = os.readlink(path)
        else:
            value = "" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
        found[str(path.relative_to(tree))] = (stat.filemode(mode), value)
    return found


def guest_tmp(workspace: Workspace) -> Path:
    return workspace.base / "vm-state-web" / "guest" / "tmp"


# ------------------------------------------------------------------------------------------- trees


def test_tree_to_the_machine(run_driver: RunDriver, workspace: Workspace, way: str) -> None:
    tree = make_tree(workspace.root)
    check(run_driver, 'web.copy_from_host("tree", "made/on the way/copy")', way)
    assert content(guest_tmp(workspace) / "made/on the way/copy") == content(tree)


def test_tree_from_the_machine(run_driver: RunDriver, workspace: Workspace, way: str) -> None:
    tree = make_tree(workspace.root)
    check(run_driver, f'web.copy_from_machine("{tree}", "sub/dir")', way)
    assert content(workspace.out / "sub/dir/tree") == content(tree)


def test_tree_goes_into_a_directory_that_is_there(
    run_driver: RunDriver, workspace: Workspace, way: str
) -> None:
    tree = make_tree(workspace.root)
    check(
        run_driver,
        """
        web.succeed("mkdir there; ln -s there link; touch there/other")
        web.copy_from_host("tree", "link")
        web.succeed("touch there/tree/more")
        web.copy_from_host("tree/", "there")
        web.succeed("test -e there/tree/more -a -e there/other -a -L link")
        web.succeed("rm there/tree/more")
        """,
        way,
    )
    assert content(guest_tmp(workspace) / "there/tree") == content(tree)


def test_tree_onto_one_that_is_there_on_the_host(
    run_driver: RunDriver, workspace: Workspace, way: str
) -> None:
    script = """
        web.succeed("mkdir -p t/d; echo old >t/d/a; echo old >t/b")
        web.copy_from_machine("t")
        web.succeed("rm t/b; echo new >t/d/a; echo new >t/d/c")
        web.copy_from_machine("t")
    """
    check(run_driver, script, way)
    files = {path.name: path.read_text() for path in workspace.out.rglob("?") if path.is_file()}
    assert files == {"a": "new\n", "b": "old\n", "c": "new\n"}


def test_tree_of_many_small_files(run_driver: RunDriver, workspace: Workspace, way: str) -> None:
    tree = workspace.root / "tree"
    tree.mkdir()
    for number in range(300):  # more than one archive
        (tree / f"{number}").write_text("x" * (100 * number))
    check(run_driver, 'web.copy_from_host("tree", "copy"); web.copy_from_vm("copy")', way)
    assert content(workspace.out / "copy") == content(tree)


# ------------------------------------------------------------------------------------------- files


def test_large_file_there_and_back(run_driver: RunDriver, workspace: Workspace, way: str) -> None:
    file = workspace.root / "file"
    # Copies out through the shell use small acknowledged pieces, which is slow under sanitizers.
    file.write_bytes(os.urandom((16 if way == "shell" else 64) << 20))
    check(
        run_driver,
        """
        web.copy_from_host("file", "copy")
        log.log("sum " + web.succeed("sha256sum <copy"))
        web.copy_from_machine("copy")
        """,
        way,
    ).must_say("sum " + hashlib.sha256(file.read_bytes()).hexdigest())
    assert (workspace.out / "copy").read_bytes() == file.read_bytes()


def test_file_with_holes(run_driver: RunDriver, workspace: Workspace, way: str) -> None:
    with (workspace.root / "file").open("wb") as file:
        file.seek(1 << 30)
        file.write(b"text")
        file.truncate(2 << 30)
    check(run_driver, 'web.copy_from_host("file", "copy"); web.copy_from_vm("copy")', way)
    for copy in (guest_tmp(workspace) / "copy", workspace.out / "copy"):
        assert copy.stat().st_size == 2 << 30
        assert copy.stat().st_blocks < 1000
        with copy.open("rb") as made:
            made.seek((1 << 30) - 1)
            assert made.read(6) == b"\0text\0"


@pytest.mark.parametrize("method", ["copy_from_host", "copy_from_host_via_shell"])
def test_modes_and_names_of_files(
    run_driver: RunDriver, workspace: Workspace, way: str, method: str
) -> None:
    key = workspace.root / "key"
    key.write_bytes(bytes(range(256)))
    key.chmod(0o600)
    (workspace.root / "link").symlink_to("key")
    script = f"""
        web.{method}("key", "~/.ssh/a key")
        web.{method}("link", "-n")
        web.{method}("key", "at/file\\n")
        web.{method}("link", "at")
        assert web.succeed('cd ~/.ssh; stat -c "%a %u %s" "a key"') == "600 0 256\\n"
        assert web.succeed('stat -c "%a %F" ./-n at/*') == "600 regular file\\n" * 3
        web.copy_from_machine("~/.ssh/a key")
        web.copy_from_machine("-n")
        web.copy_from_machine("at/file\\n", "{workspace.root}/elsewhere")
    """
    check(run_driver, script, way)
    out = workspace.out
    for copy in (out / "a key", out / "-n", workspace.root / "elsewhere" / "file\n"):
        assert copy.read_bytes() == key.read_bytes()
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600


def test_file_replaces_one_that_is_there(
    run_driver: RunDriver, workspace: Workspace, way: str
) -> None:
    (workspace.root / "file").write_text("new\n")
    script = """
        web.succeed("echo old >real; ln -s real link; cp real other")
        web.copy_from_host("file", "link")
        assert web.succeed("readlink link; cat real") == "real\\nnew\\n"
        web.copy_from_machine("other"); web.copy_from_host("file", "other")
        web.copy_from_machine("other")
    """
    check(run_driver, script, way)
    assert (workspace.out / "other").read_text() == "new\n"


def test_file_without_a_size(run_driver: RunDriver, workspace: Workspace, way: str) -> None:
    check(run_driver, 'web.copy_from_vm("/proc/cpuinfo")', way)
    assert "processor" in (workspace.out / "cpuinfo").read_text()


# Files whose size differs from what can be read: it is 0, too large, or too small.
ODD_SIZES = ["/proc/cpuinfo", "/sys/kernel/mm/transparent_hugepage/enabled", "/proc/self/environ"]


@pytest.mark.parametrize("file", ODD_SIZES)
def test_file_with_another_size_than_its_content(
    run_driver: RunDriver, workspace: Workspace, way: str, file: str
) -> None:
    script = f"""
        web.copy_from_host("{file}", "there")
        web.copy_from_machine("there")
        web.copy_from_machine("{file}", "out")
        size = web.succeed("wc -c <there")
        assert int(size) > 0, size
        assert int(size) == os.path.getsize(web.out_dir / "there")
        with open("{file}", "rb") as original, open(web.out_dir / "there", "rb") as copy:
            assert original.read() == copy.read()
    """
    check(run_driver, script, way)
    copy = workspace.out / "out" / Path(file).name
    assert copy.stat().st_size > 0 and not copy.read_bytes().endswith(b"\0\0")


def test_empty_file_and_hole_at_the_end(
    run_driver: RunDriver, workspace: Workspace, way: str
) -> None:
    with (workspace.root / "hole").open("wb") as file:
        file.write(b"begin")
        file.truncate(50 << 20)
    with (workspace.root / "nothing but a hole").open("wb") as file:
        file.truncate(3 << 20)
    (workspace.root / "empty").touch()
    script = """
        for name, size in ("hole", 50 << 20), ("nothing but a hole", 3 << 20), ("empty", 0):
            web.copy_from_host(name, name)
            found, blocks = web.succeed(f"stat -c '%s %b' '{name}'").split()
            assert int(found) == size, (name, found)
            assert int(blocks) < 2048, (name, blocks)
            web.copy_from_machine(name)
            assert (web.out_dir / name).stat().st_size == size, name
    """
    check(run_driver, script, way)


def test_what_is_no_file_on_the_host(run_driver: RunDriver, workspace: Workspace) -> None:
    script = """
        import shutil, socket
        os.mkfifo("fifo")
        socket.socket(socket.AF_UNIX).bind("socket")
        os.symlink("fifo", "link")
        for name, word in {
            "fifo": "a FIFO", "socket": "a socket", "/dev/null": "a device", "link": "a FIFO",
        }.items():
            for copy in web.copy_from_host, web.copy_from_host_via_shell:
                with t.assertRaisesRegex(shutil.SpecialFileError, f"it is not a file, but {word}"):
                    copy(name, "there")
        os.unlink("socket")
        assert not web.booted
    """
    run_driver(script).must_succeed()


def test_what_is_no_file_in_the_machine(run_driver: RunDriver, workspace: Workspace, way: str) -> None:
    script = """
        web.succeed("mkfifo fifo; ln -s fifo link")
        for name in "fifo", "link", "/dev/null", "/dev/zero":
            with t.assertRaisesRegex(Exception, "it is not a file, but a FIFO, a socket or a device"):
                web.copy_from_machine(name)
        assert os.listdir(web.out_dir) == [], os.listdir(web.out_dir)
    """
    check(run_driver, script, way)


def test_nothing_is_left_of_a_copy_that_is_refused(
    run_driver: RunDriver, workspace: Workspace, way: str
) -> None:
    script = f"""
        web.succeed("mkdir -p tree there; mkfifo tree/fifo; echo text >file")
        os.mkdir(driver.out_dir / "there")
        elsewhere = "{workspace.root}/elsewhere"
        for place in "", "new", "new/er", "there/new", "there", elsewhere, elsewhere + "/new":
            with t.assertRaisesRegex(Exception, "FIFO"):
                web.copy_from_machine("tree", place)
        assert os.listdir(driver.out_dir) == ["there"], os.listdir(driver.out_dir)
        assert os.listdir(driver.out_dir / "there") == []
        assert not os.path.exists(elsewhere)
        web.copy_from_machine("file", elsewhere + "/new")
        web.copy_from_machine("file", "new/er")
    """
    check(run_driver, script, way)
    assert (workspace.out / "new/er/file").read_text() == "text\n"
    assert (workspace.root / "elsewhere/new/file").read_text() == "text\n"


def test_nothing_is_left_in_the_machine_of_a_copy_that_fails(
    run_driver: RunDriver, workspace: Workspace, way: str
) -> None:
    script = """
        import unittest.mock
        import test_driver.files.to_guest
        web.succeed("mkdir -p there/in/x; ln -s there/in/x link")
        before = web.succeed("find .")
        carry = unittest.mock.patch("test_driver.files.to_guest._carry", side_effect=OSError("no"))
        for place in "new", "new/er/x", "there/new/x", "there/in/x/y", "there/in/x", "link":
            with carry, t.assertRaisesRegex(OSError, "^no$"):
                web.copy_from_host("/etc/passwd", place)
        assert web.succeed("find .") == before
    """
    check(run_driver, script, way)


def test_copy_stays_in_the_shared_directory(run_driver: RunDriver, workspace: Workspace) -> None:
    check(run_driver, 'web.copy_from_vm("/etc/passwd")', WAYS["shared"])
    kept = workspace.base / "shared-xchg" / "passwd"
    assert kept.read_text() == Path("/etc/passwd").read_text()


# Like /var/log/journal: a shared directory does not store access control lists.
def test_copy_leaves_access_control_lists(run_driver: RunDriver, workspace: Workspace) -> None:
    workspace.write(
        "cp",
        """\
        #!/bin/sh
        case "$*" in
        *=mode*|*" -a "*|*" -p "*) echo "cp: preserving permissions: Not supported" >&2; exit 1 ;;
        esac
        exec /bin/cp "$@"
        """.replace("        ", ""),
        0o755,
    )
    script = """
        import os
        web.succeed("mkdir tree tree/set; touch tree/run; chmod 4755 tree/run; chmod 2750 tree/set")
        tree = web.succeed("readlink -f tree").strip()
        web.copy_from_machine(tree)
        web.copy_from_machine(tree, "kept", keep_set_id=True)
        web.copy_from_machine(f"{tree}/run", "kept", keep_set_id=True)
        def modes(tree):
            return [f"{os.stat(tree / name).st_mode & 0o7777:o}" for name in ("run", "set")]
        out = web.out_dir
        assert modes(out / "tree") == ["755", "750"], modes(out / "tree")
        assert modes(out / "kept/tree") == ["4755", "2750"], modes(out / "kept/tree")
        assert os.stat(out / "kept/run").st_mode & 0o7777 == 0o4755
    """
    path = f"{workspace.scripts}:{os.environ['PATH']}"
    check(run_driver, script, WAYS["shared"], env={"PATH": path})


# ------------------------------------------------------------------------------------------ errors


def test_missing_source_on_the_host(run_driver: RunDriver) -> None:
    result = run_driver('web.copy_from_host("no-such", "/x")').must_fail()
    result.must_blame("FileNotFoundError: there is no 'no-such' (that is", "machine 'web'")


def test_source_that_the_host_cannot_reach(run_driver: RunDriver) -> None:
    script = """
        os.symlink("loop", "loop")
        for source in "loop", "loop/file":
            for copy in web.copy_from_host, web.copy_from_host_via_shell:
                with t.assertRaisesRegex(OSError, f"copying '{source}' from the host to 'x': Too m"):
                    copy(source, "x")
        with t.assertRaisesRegex(OSError, "File name too long"):
            web.copy_from_host(300 * "x", "x")
        assert not web.booted
    """
    run_driver(script).must_succeed()


def test_missing_source_in_the_machine(run_driver: RunDriver, way: str) -> None:
    script = way + 'web.copy_from_machine("/no/such")'
    result = run_driver(script).must_fail()
    result.must_blame("copying '/no/such' from machine 'web'", "there is no such file")


def test_target_that_cannot_be(run_driver: RunDriver, workspace: Workspace, way: str) -> None:
    (workspace.root / "file").write_text("text")
    script = """
        def says(text, *names):
            try:
                web.copy_from_host(*names)
            except AssertionError as error:
                assert text in str(error), error
            else:
                raise SystemExit("it should have failed")
        web.succeed("mkdir -p at/file; touch plain")
        says("at/file is a directory", "file", "at")
        says("plain", "file", "plain/file")
        says("No such file or directory", "file", "/proc/no/file")
    """
    check(run_driver, script, way)


def test_machine_without_tar(run_driver: RunDriver, workspace: Workspace) -> None:
    (workspace.root / "tree").mkdir()
    script = """
        real = web._transfer
        web._transfer = lambda command, *rest: real(b"command() { false; }\\n" + command, *rest)
        web.copy_from_host("tree", "copy")
    """
    run_driver(script).must_fail().must_blame("there is no 'tar' in the guest's PATH")


def test_full_disk_of_the_host(run_driver: RunDriver) -> None:
    script = """
        import os
        with open("/dev/full", "wb") as full:
            try:
                web._transfer("yes", None, full.fileno())
            except OSError as error:
                assert error.errno == 28, error
            else:
                raise SystemExit("it should have failed")
    """
    assert check(run_driver, script).seconds < AT_ONCE


def test_extraction_that_fails_ends_the_transfer(run_driver: RunDriver) -> None:
    script = """
        from test_driver.files import to_host
        def unpack(file, into, keep_set_id):
            with file:
                file.read(1000)
                raise OSError(28, "full")
        to_host.unpack = unpack
        web.succeed("mkdir tree; head -c 30000000 /dev/urandom >tree/file")
        try:
            web.copy_from_machine("tree")
        except OSError as error:
            assert error.errno == 28, error
        assert not list(driver.out_dir.iterdir())
    """
    check(run_driver, script)


# -------------------------------------------------------------------------------------- interrupts

LARGE = "head -c 1000000000 /dev/zero >large"

# Copies that last until they are interrupted: how to prepare one, the call, and where its result
# would be.
ENDLESS = {
    "file to the machine": (f'os.system("{LARGE}")', 'web.copy_from_host("large", "copy")', "base"),
    "file from the machine": (f'web.succeed("{LARGE}")', 'web.copy_from_machine("large")', "out"),
    "tree from the machine": (
        'web.succeed("mkdir tree; truncate -s 90G tree/file")',
        'web.copy_from_machine("tree")',
        "out",
    ),
}

INTERRUPTED = """
from test_driver.files import to_host
to_host.PACK["gnu"] = to_host.PACK["other"]
{prepare}
try:
    {copy}
    raise SystemExit("it should have been interrupted")
except KeyboardInterrupt:
    pass
web.fail("test -e copy")
assert not list(driver.out_dir.iterdir())
"""


def has_begun(directory: Path) -> bool:
    return any(
        path.is_file() and path.stat().st_size > 8 << 20
        for part in directory.rglob(".ntd-*")
        for path in part.rglob("*")
    )


@pytest.mark.parametrize("what", ENDLESS)
def test_interrupt(spawn_driver: SpawnDriver, workspace: Workspace, what: str) -> None:
    prepare, copy, place = ENDLESS[what]
    driver = spawn_driver(INTERRUPTED.format(prepare=prepare, copy=copy) + IN_STEP)
    driver.expect("copying '")
    deadline = time.monotonic() + PATIENCE
    while not has_begun(workspace.root / place) and time.monotonic() < deadline:
        time.sleep(0.01)
    begin = driver.signal(signal.SIGINT)
    assert driver.end() == 0, driver.seen.decode(errors="replace")
    assert time.monotonic() - begin < 2 * AT_ONCE
