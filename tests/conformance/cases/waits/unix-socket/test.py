import socket
import threading
from pathlib import Path

directory = Path(machine.succeed("pwd").strip())
stream = socket.socket(socket.AF_UNIX)
stream.bind(str(directory / "stream sock"))
with t.assertRaisesRegex(AssertionError, "action timed out"):
    machine.wait_for_open_unix_socket("'stream sock'", timeout=1)
threading.Timer(0.4, stream.listen).start()
machine.wait_for_open_unix_socket(f"'{directory}/stream sock'")
# The shell sees the name.
machine.wait_for_open_unix_socket("stream*", False, 10)
machine.wait_for_open_unix_socket("$(pwd)/stream\\ sock", False, 10)

datagram = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
datagram.bind(str(directory / "datagram"))
machine.wait_for_open_unix_socket("datagram", is_datagram=True, timeout=10)
with t.assertRaisesRegex(AssertionError, "action timed out"):
    machine.wait_for_open_unix_socket("datagram", timeout=1)
machine.succeed("rm 'stream sock' datagram")
