import os
from pathlib import Path

ODD = ["-dash", "it's", 'q"uote', "new\nline", "end\n", "ünï ☃", " x", "$x `y`", "*", "\\", os.fsdecode(b"no-utf8-\xff")]
tree = Path("tree")
for name in ODD:
    (tree / name).mkdir(parents=True)
    (tree / name / name).write_text(f"content of {name!r}")
    (tree / name / name).chmod(0o600)
(tree / "program").write_text("#!/bin/sh\necho ran\n")
(tree / "program").chmod(0o4755)
(tree / "empty").mkdir(0o700)
(tree / "link").symlink_to("program")
(tree / "dangling").symlink_to("/no/where")
(tree / "large").write_bytes(os.urandom(3 << 20))


def content(root):
    found = {}
    for path in [root, *root.rglob("*")]:
        status = path.lstat()
        what = os.readlink(path) if path.is_symlink() else b"" if path.is_dir() else path.read_bytes()
        found[str(path.relative_to(root))] = (oct(status.st_mode), what)
    return found


machine.copy_from_host("tree", "copy")
assert machine.succeed("./copy/program") == "ran\n"
assert machine.succeed("readlink copy/link copy/dangling") == "program\n/no/where\n"
assert machine.succeed("find copy ! -user root") == ""
assert machine.succeed("stat -c %a copy/program") == "755\n"
machine.copy_from_vm("copy")
(tree / "program").chmod(0o755)
assert content(driver.out_dir / "copy") == content(tree)
# Onto a tree that is there: into it, as cp does.
machine.copy_from_host("tree", "copy")
machine.succeed("./copy/tree/program")
