for machine in machines:
    sockets = driver.vhost_vsock.sockets[machine.name]
    assert os.path.exists(sockets.host) and os.path.exists(sockets.guest)
    assert sockets.cid == {"db": 3, "web": 4}[machine.name]
    assert machine.vsock_host == sockets.host and machine.vsock_guest == sockets.guest
    assert machine.ssh_backdoor_command() == f"ssh -o User=root vsock-mux/{sockets.host}"
web.succeed("true")
web.shutdown()
web.start()
