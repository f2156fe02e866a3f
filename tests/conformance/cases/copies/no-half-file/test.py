import threading
from pathlib import Path

with open("large", "wb") as file:
    for _ in range(64):
        file.write(b"data" * (1 << 18))
machine.succeed("echo old > target; truncate -s 2G source")
threading.Timer(0.15, machine.process.kill).start()
with t.assertRaises(BrokenPipeError):
    while True:
        machine.copy_from_host_via_shell("large", "target")
        machine.succeed("rm target; echo old > target")
guest = machine.state_dir / "guest" / "tmp"
# All of it or what was there before, and nothing of it in the output directory.
target = guest / "target"
assert not target.exists() or target.read_text() == "old\n" or target.stat().st_size == 64 << 20
assert list(driver.out_dir.iterdir()) == []
