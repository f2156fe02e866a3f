assert machine.systemctl("is-system-running") == (0, "running\n")
status, output = machine.systemctl("list-jobs")
assert status == 0 and output.startswith("No jobs"), output
status, _ = machine.systemctl("no-such-verb")
assert status != 0
assert machine.systemctl("show multi-user.target --property=ActiveState --value")[1] == "active\n"
