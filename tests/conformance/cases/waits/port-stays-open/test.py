import socket

server = socket.create_server(("127.0.0.1", 0))
machine.wait_for_closed_port(server.getsockname()[1], "127.0.0.1", 1)
