assert machine.execute("sleep 0.3; echo done", timeout=None) == (0, "done\n")
assert machine.succeed("sleep 0.3; echo done") == "done\n"
