import socket
from pathlib import Path

assert box.machine_sock_path == box.tmp_dir / "box-nspawn.sock"
box.start()
assert box.machine_sock_path.is_socket() and box.notify_thread.is_alive()
assert box.machine_sock.type == socket.SOCK_DGRAM
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
    sender.settimeout(30)
    for number in range(100):  # nobody would take more than some of them, if nobody read
        sender.sendto(b"STATUS=%d" % number, str(box.machine_sock_path))
init = box.get_systemd_process
assert Path(f"/proc/{init}/comm").read_text() == "sleep\n"
