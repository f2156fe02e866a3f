from pathlib import Path

machine.succeed("(sleep 0.4; touch locked; mkdir dir; touch 'dir/a b' ~/home-file) >&2 &")
machine.wait_for_file("locked")
machine.wait_for_file("locked", 1)
machine.wait_for_file(Path("dir"), timeout=10)
# The shell sees the name.
machine.wait_for_file("~/home-file", timeout=10)
machine.wait_for_file("lock*", timeout=10)
machine.wait_for_file("'dir/a b'", timeout=10)
machine.wait_for_file("/etc/passwd")
