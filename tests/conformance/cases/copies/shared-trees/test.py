import os

web = create_machine(f"{os.getcwd()}/own-tmp {machine.start_command}", name="web")
web.succeed("test -d /tmp/shared")

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


web.copy_from_host("tree", "copy")
assert web.succeed("./copy/program") == "ran\n"
assert web.succeed("readlink copy/link copy/dangling") == "program\n/no/where\n"
assert web.succeed("find copy ! -user root") == ""
web.copy_from_vm("copy")
assert content(driver.out_dir / "copy") == content(tree)
# Onto a tree that is there: into it, as cp does.
web.copy_from_host("tree", "copy")
web.succeed("./copy/tree/program")
