machine.copy_from_host("no-such-file", "/tmp/x")
