machine.start()
machine.wait_for_open_port(1, timeout=1)
