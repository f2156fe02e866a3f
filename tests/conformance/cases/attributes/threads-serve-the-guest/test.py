import socket
import threading

server = socket.create_server(("127.0.0.1", 0))


def serve():
    connection, _ = server.accept()
    with connection:
        connection.sendall(b"served by the script\\n".replace(b"\\n", b"\n"))


threading.Thread(target=serve, daemon=True).start()
port = server.getsockname()[1]
assert machine.wait_until_succeeds(f"cat < /dev/tcp/127.0.0.1/{port}", 10) == "served by the script\n"
