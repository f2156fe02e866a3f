import os
from pathlib import Path

machine.start()
path = Path.cwd() / "picture.ppm"
machine.send_monitor_command(f"screendump {path}")
assert path.read_bytes().startswith(b"P6")
machine.qmp_client.send("screendump", {"filename": str(path) + "2"})
assert os.path.getsize(str(path) + "2") == os.path.getsize(path)
