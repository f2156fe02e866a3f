import subprocess

assert machine.process is None and machine.pid is None
machine.start()
process = machine.process
assert process is not None and process.pid == machine.pid
assert process.poll() is None and process.returncode is None
with t.assertRaises(subprocess.TimeoutExpired):
    process.wait(timeout=0.2)
assert process.stdin is not None and process.stdout is not None
process.stdin.write(b"typed\n")
process.stdin.flush()
machine.wait_for_console_text("typed", timeout=10)
process.terminate()
assert process.wait(timeout=10) == process.returncode == process.poll()
machine.wait_for_shutdown()
assert machine.pid is None
# The object of the earlier process still tells how it ended.
assert process.returncode is not None
machine.succeed("true")
assert machine.process.pid == machine.pid != process.pid
machine.process.kill()
assert machine.process.wait(10) in (-9, 137)
