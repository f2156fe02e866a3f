import os
from pathlib import Path

from test_driver.errors import RequestedAssertionFailed

Path("file").write_bytes(b"x" * 3_000_000)
machine.succeed("touch plain; ls -A > before")
for copy in (machine.copy_from_host, machine.copy_from_host_via_shell):
    for target in ("plain/below", "/proc/nowhere/file", "/dev/full/file"):
        with t.assertRaises(RequestedAssertionFailed):
            copy("file", target)
    for source in ("missing", "dangling"):
        if source == "dangling" and not os.path.lexists("dangling"):
            os.symlink("/no/where", "dangling")
        with t.assertRaises(FileNotFoundError):
            copy(source, "never")
for source in ("missing", "plain/below", "/no/where"):
    with t.assertRaises(RequestedAssertionFailed):
        machine.copy_from_machine(source)
with t.assertRaises((OSError, RequestedAssertionFailed)):
    machine.copy_from_machine("plain", "/proc/nowhere")
machine.succeed("ls -A > after; grep -vx after after | cmp before -")
assert list(driver.out_dir.iterdir()) == []
assert machine.succeed("echo in step") == "in step\n"
