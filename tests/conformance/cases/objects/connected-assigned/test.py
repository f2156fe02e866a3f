machine.start(allow_reboot=True)
machine.succeed("true")
before = machine.pid
for how in ("connect", "command"):
    machine.execute("reboot &", check_return=False, check_output=False)
    machine.wait_for_console_text("Reboot|reboot|Restart")
    machine.connected = False
    if how == "connect":
        machine.connect()
        assert machine.connected
    assert machine.succeed("echo again") == "again\n"
assert machine.pid == before and machine.booted
