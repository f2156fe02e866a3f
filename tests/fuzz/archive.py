"""Archives that a guest sends as a copy of a tree: no file may be written outside of it."""

import atexit
import io
import os
import shutil
import stat
import tempfile
from pathlib import Path

from test_driver.files.beneath import Directory, Refused, new_directory
from test_driver.files.unpack import unpack

ROOT = Path(tempfile.mkdtemp(prefix="ntd-fuzz-", dir="/dev/shm"))
VICTIM = ROOT / "victim"
VICTIM.write_text("untouched")
VICTIM.chmod(0o600)
BEFORE = VICTIM.stat()
atexit.register(shutil.rmtree, ROOT, ignore_errors=True)


def one(data: bytes) -> None:
    with Directory.at(ROOT) as root, new_directory(root, "copy-") as work:
        try:
            with work.enter("new", make=True) as new:
                unpack(io.BytesIO(data), new)
        except (Refused, OSError):
            pass
        else:
            work.place("new", work, "final")
        assert set(work.names()) <= {"new", "final"}
        check(Path(work.shown))
    assert sorted(os.listdir(ROOT)) == ["victim"]
    assert VICTIM.stat().st_ctime_ns == BEFORE.st_ctime_ns


def check(top: Path) -> None:
    for directory, directories, files in os.walk(top):
        for name in (*directories, *files):
            mode = os.lstat(os.path.join(directory, name)).st_mode
            assert stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode), name
            assert not mode & (stat.S_ISUID | stat.S_ISGID), name
