"""Guests that attack the host during copies: by archives, the shared directory, and the files that
an earlier copy has left in the output directory."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Result, Workspace

RunDriver = Callable[..., Result]

OWN_TMP = Path(__file__).resolve().parents[1] / "conformance" / "own-tmp"

# The end of a script: checks that the guest's shell is in step, and that no temporary file is left
# on the host.
IN_STEP = """
assert web.execute("echo in step; exit 3") == (3, "in step\\n")
assert not list(driver.out_dir.rglob(".ntd-*")), list(driver.out_dir.rglob(".ntd-*"))
"""

COPY_IS_REFUSED = """
try:
    web.copy_from_machine("/etc", "into")
except MachineError as error:
    text = str(error)
    assert "copying '/etc' from machine 'web'" in text, text
    log.info("refused: " + text)
else:
    raise SystemExit("the copy should have been refused")
assert not list(driver.out_dir.iterdir()), list(driver.out_dir.iterdir())
""".replace("MachineError", "t_errors.MachineError")

IMPORTS = "import test_driver.errors as t_errors\n"

# The content of a file that guests must not read.
SECRET = "the host's secret\n"


class Victim:
    """Files on the host that no copy may change."""

    def __init__(self, root: Path) -> None:
        self.root = root / "victim"
        self.file = self.root / "file"
        self.directory = self.root / "directory"
        self.directory.mkdir(parents=True)
        self.directory.chmod(0o750)
        self.file.write_text(SECRET)
        self.file.chmod(0o600)
        self.before = self.state()

    def state(self) -> dict[str, tuple[int, int, bytes]]:
        found = {}
        for path in [self.root, *self.root.rglob("*")]:
            status = path.lstat()
            content = path.read_bytes() if path.is_file() else b""
            found[str(path)] = (status.st_mode, status.st_nlink, content)
        return found

    def must_be_untouched(self) -> None:
        assert self.state() == self.before


@pytest.fixture
def victim(workspace: Workspace) -> Victim:
    return Victim(workspace.root)


def hostile(workspace: Workspace, shared: bool = False, **programs: str) -> dict[str, Path]:
    """A machine in whose guest these shell scripts replace the programs of the same names."""
    tools = workspace.root / "tools"
    tools.mkdir()
    for name, text in programs.items():
        (tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (tools / name).chmod(0o755)
    options = f'PATH={tools}:$PATH; export PATH\nexec {OWN_TMP if shared else ""}'
    plain = workspace.start_script("web").read_text().splitlines()[-1].removeprefix("exec ")
    return {"web": workspace.start_script("web", body=f"{options} {plain}")}


def sends(workspace: Workspace, archive: bytes, then: str = ":") -> dict[str, Path]:
    """A machine in whose guest tar outputs ``archive``."""
    file = workspace.root / "archive"
    file.write_bytes(archive)
    text = f'case $* in *--version*) echo "tar (GNU tar) 1.34";; *) cat {file}; {then};; esac'
    return hostile(workspace, tar=text)


def member(name: str, kind: bytes = tarfile.REGTYPE, **attributes: object) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type = kind
    made.mode = 0o755
    for attribute, value in attributes.items():
        setattr(made, attribute, value)
    return made


def link(name: str, target: object) -> tarfile.TarInfo:
    return member(name, tarfile.SYMTYPE, linkname=str(target))


def hard_link(name: str, target: object) -> tarfile.TarInfo:
    return member(name, tarfile.LNKTYPE, linkname=str(target))


def archive_of(*members: tarfile.TarInfo) -> bytes:
    """A tar archive with these members; regular files contain "evil"."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for each in members:
            data = b"evil\n" if each.isreg() else b""
            each.size = len(data)
            archive.addfile(each, io.BytesIO(data))
    return buffer.getvalue()


# ---------------------------------------------------------------------------------------- archives

REFUSED: dict[str, Callable[[Victim], tuple[list[tarfile.TarInfo], str]]] = {
    "file below a link": lambda victim: (
        # Links are created last: "a" would exist before "a/b".
        [link("a", victim.directory), hard_link("a/b", "c"), member("c")],
        "a",
    ),
    "link below a link": lambda victim: (
        [link("a", victim.directory), link("a/b", "/etc/passwd")],
        "a",
    ),
    "hard link below a link": lambda victim: (
        [link("a", victim.root), hard_link("b", "a/file")],
        "a",
    ),
    "hard link to elsewhere": lambda victim: ([hard_link("b", victim.file)], "outside"),
    "hard link to above": lambda victim: ([hard_link("b", "../../victim/file")], "outside"),
    "hard link to a directory": lambda victim: (
        [member("d", tarfile.DIRTYPE), hard_link("b", "d")],
        "a directory",
    ),
    "absolute name": lambda victim: ([member(f"{victim.directory}/evil")], "outside"),
    "name above": lambda victim: ([member("x/../../../victim/directory/evil")], "outside"),
    "FIFO": lambda victim: ([member("x/pipe", tarfile.FIFOTYPE)], "'x/pipe' is a FIFO"),
    "device": lambda victim: (
        [member("disk", tarfile.BLKTYPE, devmajor=8)],
        "'disk' is a device",
    ),
    "unknown kind": lambda victim: ([member("door", b"Z")], "'door' is of a kind"),
    "deep name": lambda victim: ([member("d/" * 2000 + "x")], "too many directories"),
    "name with NUL": lambda victim: (
        [member("x", pax_headers={"path": "x\0y"})],
        "outside",
    ),
    "no name": lambda victim: ([link("./.", victim.directory)], "not a valid name"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_archive_is_refused(
    run_driver: RunDriver, workspace: Workspace, victim: Victim, what: str
) -> None:
    members, words = REFUSED[what](victim)
    archive = archive_of(member("first"), *members, member("last"))
    scripts = sends(workspace, archive)
    result = run_driver(IMPORTS + COPY_IS_REFUSED + IN_STEP, scripts=scripts)
    result.must_succeed().must_say("refused: ", words)
    victim.must_be_untouched()


HARMLESS: dict[str, Callable[[Victim], list[tarfile.TarInfo]]] = {
    "file through a link": lambda victim: [link("a", victim.directory), member("a/evil")],
    "file over a link": lambda victim: [link("a", victim.file), member("a")],
    "link over a link": lambda victim: [link("a", victim.directory), link("a", victim.file)],
    "mode through a link": lambda victim: [
        link("a", victim.file),
        member("a", tarfile.DIRTYPE, mode=0o777),
    ],
    "directory through a link": lambda victim: [
        link("a", victim.directory),
        member("a/new", tarfile.DIRTYPE),
    ],
    "hard link to a link, then a file": lambda victim: [
        link("a", victim.file),
        hard_link("b", "a"),
        member("b"),
    ],
    "link to a link": lambda victim: [
        link("up", "."),
        link("up/up", victim.directory),
        member("up/up/evil"),
    ],
}


@pytest.mark.parametrize("what", HARMLESS)
def test_archive_touches_nothing_else(
    run_driver: RunDriver, workspace: Workspace, victim: Victim, what: str
) -> None:
    scripts = sends(workspace, archive_of(member("first"), *HARMLESS[what](victim)))
    script = """
        try:
            web.copy_from_machine("/etc")
        except t_errors.MachineError as error:
            assert not (driver.out_dir / "etc").exists()
            assert "copying '/etc' from machine 'web'" in str(error), error
    """
    run_driver(IMPORTS + script.replace("\n        ", "\n") + IN_STEP, scripts=scripts).must_succeed()
    victim.must_be_untouched()


def test_hard_link_to_a_link_is_a_link(
    run_driver: RunDriver, workspace: Workspace, victim: Victim
) -> None:
    members = [link("a", victim.file), hard_link("b", "a"), member("c"), hard_link("d", "./c")]
    run_driver(
        'web.copy_from_machine("/etc")' + IN_STEP, scripts=sends(workspace, archive_of(*members))
    ).must_succeed()
    victim.must_be_untouched()
    made = workspace.out / "etc"
    assert os.readlink(made / "b") == str(victim.file)
    assert (made / "c").samefile(made / "d")


def test_set_id_bits_are_dropped(run_driver: RunDriver, workspace: Workspace) -> None:
    members = [
        member("program", mode=0o6755),
        member("directory", tarfile.DIRTYPE, mode=0o3775),
    ]
    script = """
web.copy_from_machine("/etc")
web.copy_from_machine("/etc", "kept", keep_set_id=True)
"""
    scripts = sends(workspace, archive_of(*members))
    run_driver(script + IN_STEP, scripts=scripts).must_succeed()
    modes = {
        str(path.relative_to(workspace.out)): stat.S_IMODE(path.stat().st_mode)
        for path in workspace.out.rglob("*")
        if path.name in ("program", "directory")
    }
    assert modes == {
        "etc/program": 0o755,
        "etc/directory": 0o1775,
        "kept/etc/program": 0o6755,
        "kept/etc/directory": 0o3775,
    }


def test_set_id_bits_into_the_guest(run_driver: RunDriver, workspace: Workspace) -> None:
    tree = workspace.root / "tree"
    tree.mkdir()
    for name in ("program", "large"):
        (tree / name).write_bytes(b"x" * (5 if name == "program" else 2 << 20))
        (tree / name).chmod(0o4755)
    script = """
for way in web.copy_from_host, web.copy_from_host_via_shell:
    for name, mode, options in [("plain", "755", {}), ("kept", "4755", {"keep_set_id": True})]:
        web.succeed(f"rm -rf {name} {name}-file")
        way("tree", name, **options)
        way("tree/program", f"{name}-file", **options)
        modes = web.succeed(f"stat -c %a {name}/program {name}/large {name}-file")
        assert modes == f"{mode}\\n" * 3, (name, modes)
web.copy_from_machine("kept-file")
web.copy_from_machine("kept-file", "kept", keep_set_id=True)
"""
    run_driver(script + IN_STEP).must_succeed()
    assert stat.S_IMODE((workspace.out / "kept-file").stat().st_mode) == 0o755
    assert stat.S_IMODE((workspace.out / "kept" / "kept-file").stat().st_mode) == 0o4755


# ------------------------------------------------------------------------------- damaged archives


def test_header_without_end(run_driver: RunDriver, workspace: Workspace) -> None:
    header = member("x", tarfile.XHDTYPE, size=1 << 30).tobuf(tarfile.GNU_FORMAT)
    scripts = sends(workspace, header, then="yes 'a long header'")
    script = """
import resource
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
""" + COPY_IS_REFUSED + """
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
assert grown < 100_000, f"{grown} KiB"
"""
    run_driver(IMPORTS + script + IN_STEP, scripts=scripts).must_succeed().must_say("a header of")


def test_names_without_end(run_driver: RunDriver, workspace: Workspace) -> None:
    longname = member("././@LongLink", tarfile.GNUTYPE_LONGNAME, size=512).tobuf()
    block = longname + b"n" * 511 + b"\0"
    (workspace.root / "block").write_bytes(block * 64)
    scripts = sends(workspace, b"", then=f"while cat {workspace.root}/block; do :; done")
    run_driver(IMPORTS + COPY_IS_REFUSED + IN_STEP, scripts=scripts).must_succeed()


DAMAGED = {
    "no archive": b"x" * 4096,
    "cut off": archive_of(member("x"))[:-10500] + b"",
    "size below zero": tarfile.TarInfo("x").tobuf()[:124]
    + b"\xff" * 12
    + tarfile.TarInfo("x").tobuf()[136:],
    "header of a size below zero": archive_of(
        member("y", pax_headers={"size": "-5", "path": "y"}), member("z")
    ),
    "file of 8 EiB": archive_of(
        member(
            "y",
            pax_headers={
                "GNU.sparse.major": "0",
                "GNU.sparse.minor": "1",
                "GNU.sparse.map": "9223372036854775806,1",
                "GNU.sparse.size": "9223372036854775807",
                "GNU.sparse.name": "y",
            },
        )
    ),
    "wrong map of holes": archive_of(
        member(
            "y",
            pax_headers={
                "GNU.sparse.major": "0",
                "GNU.sparse.minor": "1",
                "GNU.sparse.map": "10,2,-5,2",
                "GNU.sparse.size": "100",
                "GNU.sparse.name": "y",
            },
        )
    ),
}


def with_checksum(archive: bytes) -> bytes:
    """Set the right checksum in the first header of the archive."""
    header = bytearray(archive[:512])
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + archive[512:]


@pytest.mark.parametrize("what", DAMAGED)
def test_damaged_archive(run_driver: RunDriver, workspace: Workspace, what: str) -> None:
    archive = DAMAGED[what]
    if what == "size below zero":
        archive = with_checksum(archive + bytes(1024))
    scripts = sends(workspace, archive)
    run_driver(IMPORTS + COPY_IS_REFUSED + IN_STEP, scripts=scripts).must_succeed()


# --------------------------------------------------------------------------- the output directory


def test_second_copy_follows_no_link_of_the_first(
    run_driver: RunDriver, workspace: Workspace, victim: Victim
) -> None:
    script = f"""
web.succeed("mkdir -p t/x; ln -s {victim.directory} t/d; ln -s {victim.file} t/f; ln -s t/x t/e")
web.copy_from_machine("t")
web.succeed("rm t/d t/f t/e; mkdir t/d; echo evil >t/d/evil; echo evil >t/f; echo evil >t/e")
web.copy_from_machine("t")
"""
    run_driver(script + IN_STEP).must_succeed()
    victim.must_be_untouched()
    for name in ("d/evil", "f", "e"):
        assert (workspace.out / "t" / name).read_text() == "evil\n"
        assert not (workspace.out / "t" / name).is_symlink()


def test_no_link_on_the_way_to_the_target(
    run_driver: RunDriver, workspace: Workspace, victim: Victim
) -> None:
    script = f"""
web.succeed("mkdir t; ln -s {victim.directory} t/d; echo evil >evil")
web.copy_from_machine("t")
for place in "t/d", "t/d/new", driver.out_dir / "t" / "d", "x/../t/d":
    try:
        web.copy_from_machine("evil", place)
    except t_errors.MachineError as error:
        assert "t/d' is a symbolic link" in str(error), error
        assert "copying 'evil' from machine 'web'" in str(error), error
    else:
        raise SystemExit(f"the copy to {{place}} should have been refused")
"""
    run_driver(IMPORTS + script + IN_STEP).must_succeed()
    victim.must_be_untouched()


def test_no_half_tree_over_one_that_is_there(run_driver: RunDriver, workspace: Workspace) -> None:
    script = """
web.succeed("mkdir -p t/a t/b; echo old >t/a/x; mkdir t/b/y")
web.copy_from_machine("t")
web.succeed("echo new >t/a/x; rmdir t/b/y; echo file >t/b/y")
try:
    web.copy_from_machine("t")
except OSError as error:
    assert "t/b/y' is a directory" in str(error), error
else:
    raise SystemExit("a file should not replace a directory")
"""
    run_driver(script + IN_STEP).must_succeed()
    assert (workspace.out / "t/a/x").read_text() == "old\n"


def test_pictures_and_captures_follow_no_link(
    run_driver: RunDriver, workspace: Workspace, victim: Victim
) -> None:
    names = ("picture.png", "packets.pcap", "no/where")
    script = f"""
web.succeed("mkdir t; cd t; for n in picture.png packets.pcap; do ln -s {victim.file} $n; done")
web.copy_from_machine("t")
web.screenshot(str(driver.out_dir / "t" / "picture.png"))
with vlan1.capture("t/packets.pcap"):
    pass
"""
    run_driver(script + IN_STEP, vlans=[1]).must_succeed()
    victim.must_be_untouched()
    for name in names[:2]:
        made = workspace.out / "t" / name
        assert made.is_file() and not made.is_symlink()


# --------------------------------------------------------------------------- the shared directory

# Commands for the guest's cp that put something else than a copy at $new in the shared directory.
LEFT_INSTEAD = {
    "link": ('ln -s {victim.file} "$new"', "is a symbolic link"),
    "link to a directory": ('ln -s {victim.root} "$new"', "is a symbolic link"),
    "FIFO": ('mkfifo "$new"', "is a FIFO"),
    "FIFO in a tree": ('mkdir "$new"; mkfifo "$new/pipe"', "pipe' is a FIFO"),
    "device": ('mknod "$new" b 7 0', "is a device"),
    "nothing": (":", "is not there any more"),
    "another directory": (
        'd=${{new%/*}}; mv "$d" "$d.old"; ln -s {victim.root} "$d"; /bin/cp {victim.file} "$d.old/x"',
        "is not there any more",
    ),
    "deep tree": ('mkdir "$new"; cd "$new"; i=0; while [ $i -lt 300 ]; do mkdir d; cd d; '
                  "i=$((i+1)); done", "is too deep"),
}


def shared_cp(text: str) -> str:
    """A script for cp that runs ``text`` instead of copying to the shared directory."""
    return f"""
case $* in *--help*) exec /bin/cp --help; esac
for new; do :; done
case $new in
    /tmp/shared/*) {text} ;;
    *) exec /bin/cp "$@" ;;
esac
"""


@pytest.mark.parametrize("what", LEFT_INSTEAD)
def test_what_is_left_in_the_shared_directory(
    run_driver: RunDriver, workspace: Workspace, victim: Victim, what: str
) -> None:
    if what == "device" and os.geteuid() != 0:
        pytest.skip("only root can make a device")
    text, words = LEFT_INSTEAD[what]
    cp = shared_cp(text.format(victim=victim))
    scripts = hostile(workspace, shared=True, cp=cp)
    result = run_driver(IMPORTS + COPY_IS_REFUSED + IN_STEP, scripts=scripts)
    result.must_succeed().must_say("refused: ", words)
    victim.must_be_untouched()
    assert SECRET not in "".join(
        path.read_text(errors="replace") for path in workspace.out.rglob("*") if path.is_file()
    )


def test_links_in_a_shared_tree_stay_links(
    run_driver: RunDriver, workspace: Workspace, victim: Victim
) -> None:
    cp = shared_cp(f'mkdir "$new"; ln -s {victim.file} "$new/link"; chmod 4755 "$new"')
    scripts = hostile(workspace, shared=True, cp=cp)
    run_driver('web.copy_from_machine("/etc")' + IN_STEP, scripts=scripts).must_succeed()
    assert os.readlink(workspace.out / "etc/link") == str(victim.file)
    assert stat.S_IMODE((workspace.out / "etc").stat().st_mode) == 0o755
    victim.must_be_untouched()


def test_file_that_grows_while_it_is_fetched(run_driver: RunDriver, workspace: Workspace) -> None:
    cp = shared_cp("yes grows >>$new 2>/dev/null & sleep 0.2")
    scripts = hostile(workspace, shared=True, cp=cp)
    script = 'web.copy_from_machine("/etc/passwd")\nweb.succeed("pkill -x yes")\n'
    run_driver(script + IN_STEP, scripts=scripts).must_succeed()
    assert (workspace.out / "passwd").read_bytes().startswith(b"grows\n")


# Commands for the guest's mkdir, which runs before the host writes: they replace the target.
SWAPPED = {
    "names taken": "for n in 1 2 3; do ln -s {victim.file} $d/$n; done",
    "directory swapped": "mv $d $d.old; ln -s {victim.directory} $d",
    "FIFOs": "for n in 1 2 3; do mkfifo $d/$n; done",
}


@pytest.mark.parametrize("tree", [False, True])
@pytest.mark.parametrize("what", SWAPPED)
def test_copy_to_the_guest_overwrites_nothing(
    run_driver: RunDriver, workspace: Workspace, victim: Victim, what: str, tree: bool
) -> None:
    swap = SWAPPED[what].format(victim=victim)
    mkdir = f"""
for d in /tmp/shared/copy-*; do [ -d $d ] && [ ! -L $d ] && {{ {swap}; }}; done 2>/dev/null
exec /bin/mkdir "$@"
"""
    (workspace.root / "source").mkdir()
    (workspace.root / "source" / "file").write_text("evil\n")
    scripts = hostile(workspace, shared=True, mkdir=mkdir)
    script = f"""
try:
    web.copy_from_host("source{'' if tree else '/file'}", "copy")
except AssertionError as error:
    log.info(str(error))
"""
    run_driver(script + IN_STEP, scripts=scripts).must_succeed()
    victim.must_be_untouched()


def test_guest_cannot_write_to_the_source(run_driver: RunDriver, workspace: Workspace) -> None:
    source = workspace.root / "source"
    source.write_text("good\n")
    cp = 'for d in /tmp/shared/copy-*/*; do echo evil >>"$d"; done; exec /bin/cp "$@"'
    scripts = hostile(workspace, shared=True, cp=cp)
    run_driver('web.copy_from_host("source", "copy")' + IN_STEP, scripts=scripts).must_succeed()
    assert source.read_text() == "good\n"


# ------------------------------------------------------------------------------------- its words

ANSWERS = {
    "nothing": "printf ''",
    "other words": "printf 'shell tree gnu 77777777 '",
    "another kind": "printf 'shell door gnu 755 '",
    "without end": "yes shell",
}


@pytest.mark.parametrize("what", ANSWERS)
def test_answer_of_a_guest(run_driver: RunDriver, workspace: Workspace, what: str) -> None:
    # The guest's shell runs stat last before it answers.
    scripts = hostile(workspace, stat=f"{ANSWERS[what]} >&2; kill $PPID")
    script = """
try:
    web.copy_from_machine("/etc/passwd", "into")
except (t_errors.MachineError, AssertionError, OSError) as error:
    assert "copying '/etc/passwd' from machine 'web'" in str(error), error
    assert len(str(error)) < 2000
else:
    raise SystemExit("the copy should have failed")
assert not (driver.out_dir / "into").exists()
"""
    run_driver(IMPORTS + script + IN_STEP, scripts=scripts).must_succeed()
