machine.start()
for command in ("\0", "info\0status", "a\nb", "x" * 10000):
    try:
        machine.send_monitor_command(command)
    except Exception as error:
        assert isinstance(error, (ValueError, RuntimeError)) or "MachineError" in type(error).__name__, error
assert "running" in machine.send_monitor_command("info status")
with t.assertRaises(Exception):
    machine.qmp_client.send("query-status", {"an": object()})
with t.assertRaises(Exception):
    machine.qmp_client.send("bad \"quotes\" \\ and \n")
assert machine.qmp_client.send("query-status")["return"]["running"] is True
