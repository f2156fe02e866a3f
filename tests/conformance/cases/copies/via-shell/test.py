import os
from pathlib import Path

# More than an argument of a program may have.
content = os.urandom(300_000)
Path("file").write_bytes(content)
Path("file").chmod(0o755)
machine.copy_from_host_via_shell("file", "~/target")
machine.copy_from_host_via_shell(Path("file"), Path("sub/target"))
machine.succeed("cmp ~/target sub/target", "test -x sub/target")
machine.copy_from_machine("~/target")
assert (driver.out_dir / "target").read_bytes() == content
Path("tree/sub").mkdir(parents=True)
Path("tree/sub/file").write_text("in a tree")
machine.copy_from_host_via_shell("tree", "tree")
assert machine.succeed("cat tree/sub/file") == "in a tree"
Path("empty").touch()
machine.copy_from_host_via_shell("empty", "empty")
machine.succeed("test -e empty", "test ! -s empty")
