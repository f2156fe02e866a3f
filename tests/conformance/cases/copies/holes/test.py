import os
import time
from pathlib import Path

SIZE = 1 << 30
with open("disk", "wb") as file:
    file.write(b"begin")
    file.seek(SIZE // 2)
    file.write(b"middle")
    file.truncate(SIZE)
begin = time.monotonic()
machine.copy_from_host("disk", "disk")
machine.copy_from_host_via_shell("disk", "disk2")
assert machine.succeed("stat -c %s disk disk2") == f"{SIZE}\n{SIZE}\n"
for size in machine.succeed("du -k disk disk2 | cut -f1").split():
    assert int(size) < 100_000, size
machine.copy_from_machine("disk")
back = driver.out_dir / "disk"
assert back.stat().st_size == SIZE and back.stat().st_blocks * 512 < 100 << 20
with open(back, "rb") as file:
    assert file.read(5) == b"begin"
    file.seek(SIZE // 2)
    assert file.read(8) == b"middle\0\0"
assert time.monotonic() - begin < 100
