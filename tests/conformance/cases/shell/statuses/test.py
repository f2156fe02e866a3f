for status in (0, 1, 2, 100, 126, 127, 128, 255):
    assert machine.execute(f"exit {status}") == (status, "")
assert machine.execute("/nonexistent/program 2>&1")[0] == 127
assert machine.execute("bash -c 'kill -9 $$'")[0] == 137
assert machine.execute("timeout 0.1 sleep 5")[0] in {124, 125}
status, output = machine.execute("echo still here")
assert (status, output) == (0, "still here\n")
machine.succeed("for i in 1 2 3; do true; done; exit 0")
