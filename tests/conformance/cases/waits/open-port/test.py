import socket
import threading

# The fake machine has the host's network.
server = socket.socket()
server.bind(("127.0.0.1", 0))
port = server.getsockname()[1]
with t.assertRaisesRegex(AssertionError, "action timed out"):
    machine.wait_for_open_port(port, timeout=0.5)
threading.Timer(0.4, server.listen).start()
machine.wait_for_open_port(port)
machine.wait_for_open_port(str(port), "127.0.0.1", 10)
machine.wait_for_open_port(port, addr="localhost", timeout=10)
machine.wait_for_open_port(port, "$(echo 127.0.0.1)", timeout=10)
with t.assertRaisesRegex(AssertionError, "action timed out"):
    machine.wait_for_closed_port(port, "127.0.0.1", 0.5)
threading.Timer(0.4, server.close).start()
machine.wait_for_closed_port(str(port), timeout=10)
machine.wait_for_closed_port(port, "127.0.0.1", 10)
