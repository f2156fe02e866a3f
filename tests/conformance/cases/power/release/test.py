import os

machine.succeed("true")
pid = machine.pid
machine.release()
with t.assertRaises(ProcessLookupError):
    os.kill(pid, 0)
assert not machine.is_up()
machine.release()
assert machine.state_dir.is_dir()
assert machine.succeed("echo again") == "again\n"
