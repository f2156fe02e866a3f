machine.wait_for_open_unix_socket("/run/nobody.sock", is_datagram=True, timeout=1)
