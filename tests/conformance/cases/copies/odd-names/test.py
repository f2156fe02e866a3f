import os
from pathlib import Path

ODD = ["-dash", "it's", 'q"uote', "new\nline", "ünï ☃", " x ", "$x `y`", "*", "\\", ".hidden", os.fsdecode(b"no-utf8-\xff")]
for name in ODD:
    Path(name).write_text(f"{name!r}")
    machine.copy_from_host(name, f"to/{name}")
    machine.copy_from_host_via_shell(name, f"via-shell/{name}")
    machine.copy_from_machine(f"to/{name}", "back")
    assert (driver.out_dir / "back" / name).read_text() == f"{name!r}"
assert machine.succeed("cd to; ls -A | wc -l") == machine.succeed("cd via-shell; ls -A | wc -l")
machine.succeed("diff -r to via-shell")
