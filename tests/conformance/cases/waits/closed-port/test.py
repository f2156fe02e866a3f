import socket
import threading

server = socket.create_server(("127.0.0.1", 0))
port = server.getsockname()[1]
threading.Timer(0.4, server.close).start()
machine.wait_for_closed_port(port, "127.0.0.1")
machine.wait_for_closed_port(str(port), addr="127.0.0.1", timeout=1)
