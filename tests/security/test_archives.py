"""Archives and trees of hostile guests, made to use up memory or time, or to leave files behind.

Also trees of honest guests that a careful copy might refuse.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable

import pytest

from harness import SLOWNESS, Command, Result, Workspace
from test_copies import (
    COPY_IS_REFUSED,
    IMPORTS,
    IN_STEP,
    Victim,
    archive_of,
    hostile,
    link,
    member,
    sends,
    shared_cp,
    victim,  # noqa: F401
)

RunDriver = Callable[..., Result]

MEASURED = """
import resource
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
@COPY@
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
assert grown < @MOST@, f"{grown} KiB"
""".replace("@MOST@", str(int(400_000 * SLOWNESS)))  # sanitizers delay freeing memory

COPY = 'web.copy_from_machine("/etc", "into")'


def gnu_sparse(name: str, stored: int, size: int) -> bytes:
    """The header of a sparse file of ``size`` bytes without data.

    It claims ``stored`` bytes in the archive that belong to no part of the file.
    """
    header = bytearray(member(name, tarfile.GNUTYPE_SPARSE, size=stored).tobuf(tarfile.GNU_FORMAT))
    header[386:482] = bytes(96)
    header[483:495] = tarfile.itn(size, 12, tarfile.GNU_FORMAT)  # type: ignore[attr-defined]
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def test_data_that_never_come(run_driver: RunDriver, workspace: Workspace) -> None:
    archive = member("a").tobuf() + gnu_sparse("s", 1 << 60, 10) + bytes(1024)
    result = run_driver(IMPORTS + COPY_IS_REFUSED + IN_STEP, scripts=sends(workspace, archive))
    result.must_succeed().must_say("refused: ", "'s' has data in the archive")


def test_maps_of_holes_that_links_have(run_driver: RunDriver, workspace: Workspace) -> None:
    one_map = ",".join(["1"] * 1_900_000)
    archive = b"".join(
        member(
            f"link{i}", tarfile.SYMTYPE, linkname="x", pax_headers={"GNU.sparse.map": one_map}
        ).tobuf(tarfile.PAX_FORMAT)
        for i in range(10)
    )
    scripts = sends(workspace, archive + bytes(10240))
    run_driver(MEASURED.replace("@COPY@", COPY) + IN_STEP, scripts=scripts).must_succeed()


def test_links_with_names_of_many_parts(run_driver: RunDriver, workspace: Workspace) -> None:
    one = link("ab/" * 250 + "x", "y").tobuf(tarfile.GNU_FORMAT)
    scripts = sends(workspace, one * 40_000 + bytes(10240))
    run_driver(MEASURED.replace("@COPY@", COPY) + IN_STEP, scripts=scripts).must_succeed()


def test_headers_for_all_members(run_driver: RunDriver, workspace: Workspace) -> None:
    header = tarfile.TarInfo.create_pax_global_header({"comment": "kept for ever"})
    scripts = sends(workspace, header + archive_of(member("x")))
    result = run_driver(IMPORTS + COPY_IS_REFUSED + IN_STEP, scripts=scripts)
    result.must_succeed().must_say("refused: ", "headers that are for all of its members")


def test_nothing_is_left_of_a_large_directory(
    run_driver: RunDriver, workspace: Workspace
) -> None:
    """The directory has more files than MOST_NAMES."""
    members = [member(f"d/{i}") for i in range(25)]
    scripts = sends(workspace, archive_of(*members, member("pipe", tarfile.FIFOTYPE)))
    script = """
import test_driver.files.beneath as beneath
beneath.MOST_NAMES = 10
"""
    run_driver(
        IMPORTS + script + COPY_IS_REFUSED + IN_STEP, scripts=scripts
    ).must_succeed().must_say("'pipe' is a FIFO")


def test_what_cannot_be_removed_is_named(run_driver: RunDriver, workspace: Workspace) -> None:
    """While a file is copied into the guest, the guest replaces it by a tree too deep to remove."""
    cp = """
for f in /tmp/shared/copy-*/*; do
    rm -f "$f"; mkdir "$f"
    (cd "$f"; i=0; while [ $i -lt 300 ]; do mkdir d; cd d; i=$((i+1)); done)
done
exec /bin/cp /dev/null "$3"
"""
    (workspace.root / "source").write_text("x")
    script = """
try:
    web.copy_from_host("source", "copy")
except t_errors.MachineError as error:
    assert "copying 'source' from the host to 'copy' was refused: " in str(error), error
else:
    raise SystemExit("the copy should have been refused")
assert web.execute("echo in step; exit 3") == (3, "in step\\n")
"""
    scripts = hostile(workspace, shared=True, cp=cp)
    run_driver(IMPORTS + script, scripts=scripts).must_succeed()


def test_no_link_on_the_way_by_another_name(
    run_driver: RunDriver, workspace: Workspace, victim: Victim
) -> None:
    """The output directory is a symbolic link, and the script uses the path of its target."""
    real = workspace.root / "real"
    workspace.out.rename(real)
    workspace.out.symlink_to(real)
    script = f"""
web.succeed("mkdir t; ln -s {victim.directory} t/d; echo evil >evil")
web.copy_from_machine("t")
for place in "t/d", driver.out_dir / "t" / "d", (driver.out_dir / "t").resolve() / "d":
    try:
        web.copy_from_machine("evil", place)
    except t_errors.MachineError as error:
        assert "t/d' is a symbolic link" in str(error), error
    else:
        raise SystemExit(f"the copy to {{place}} should have been refused")
"""
    run_driver(IMPORTS + script + IN_STEP).must_succeed()
    victim.must_be_untouched()


# ------------------------------------------------------------------------------------ honest trees


def without_privilege(command: Command) -> Command:
    """Run as a user who is bound by file permissions, as in a Nix build."""
    if os.geteuid() != 0:
        return command
    dropped = "--bounding-set=-dac_override,-dac_read_search"
    return Command(["setpriv", dropped, *command.argv], command.env)


def test_second_copy_into_closed_directories(workspace: Workspace) -> None:
    """Such as those of the Nix store, which are read-only."""
    closed = {"a/b": 0o555, "a": 0o555, "none": 0, "only-x": 0o111, ".": 0o555}
    directories = [member(name, tarfile.DIRTYPE, mode=mode) for name, mode in closed.items()]
    files = [member(f"{name}/file", mode=0o444) for name in closed]
    scripts = sends(workspace, archive_of(*reversed(directories), *files))
    script = """
web.copy_from_machine("/etc")
file = driver.out_dir / "etc" / "a" / "b" / "file"
file.chmod(0o600)
file.write_text("old")
web.copy_from_machine("/etc")
"""
    command = workspace.command(script + IN_STEP, scripts=scripts)
    workspace.run(without_privilege(command)).must_succeed()
    tree = workspace.out / "etc"
    found = {name: (tree / name).stat().st_mode & 0o777 for name in reversed(closed)}
    for name in found:
        (tree / name).chmod(0o755)
    assert found == closed
    assert [(tree / name / "file").read_text() for name in closed] == ["evil\n"] * len(closed)


@pytest.mark.parametrize("shared", [False, True])
def test_sockets_are_left_out(run_driver: RunDriver, workspace: Workspace, shared: bool) -> None:
    make_socket = "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])"
    cp = shared_cp(f"""mkdir "$new"; echo x >"$new/f"; python3 -c '{make_socket}' "$new/s" """)
    scripts = hostile(workspace, shared=True, cp=cp) if shared else hostile(workspace)
    script = f"""
web.succeed("mkdir t; echo x >t/f; python3 -c '{make_socket}' t/s")
web.copy_from_machine("t")
web.succeed("rm -rf t /tmp/shared/t")
"""
    run_driver(script + IN_STEP, scripts=scripts).must_succeed()
    assert [path.name for path in (workspace.out / "t").iterdir()] == ["f"]


def test_first_member_is_a_file_with_holes(run_driver: RunDriver, workspace: Workspace) -> None:
    script = """
web.succeed("truncate -s 20M holes; echo end >>holes")
web.copy_from_machine("holes")
"""
    run_driver(script + IN_STEP).must_succeed()
    made = workspace.out / "holes"
    assert made.read_bytes() == bytes(20 << 20) + b"end\n"
    assert made.stat().st_blocks * 512 < 1 << 20
