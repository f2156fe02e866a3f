assert machine.vsock_host is None and machine.vsock_guest is None
