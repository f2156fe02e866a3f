import socket

assert machine.shell is None
machine.start()
machine.connect()
assert machine.shell is not None
assert machine.shell.fileno() >= 0
assert machine.shell.gettimeout() is None
machine.shell.send(b"sleep 0.2; echo raw $((1 + 1))\n")
text = ""
while "raw 2\n" not in text:
    text += machine.shell.recv(4096).decode(errors="ignore")
machine.shell.sendall(b"poweroff\n")
machine.wait_for_shutdown()
# Another boot has another shell, whichever method it was that started it.
assert machine.succeed("echo again") == "again\n"
assert isinstance(machine.shell, socket.socket)
machine.shell.settimeout(10)
machine.shell.send(b"echo new\n")
assert machine.shell.recv(100) == b"new\n"
machine.shell.settimeout(0.2)
with t.assertRaises(TimeoutError):
    machine.shell.recv(1)
machine.shell.setblocking(True)
assert machine.succeed("echo in step") == "in step\n"
