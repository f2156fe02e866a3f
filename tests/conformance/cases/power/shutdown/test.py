machine.shutdown()
machine.succeed("echo kept > ~/file; echo lost > file")
machine.shutdown()
assert not machine.booted and not machine.connected and not machine.is_up()
assert machine.process is None and machine.pid is None
machine.shutdown()
assert machine.state_dir.is_dir()
# Any command starts it again.
assert machine.succeed("cat ~/file") == "kept\n"
machine.fail("test -e file")
