# As other methods, it starts the machine or says that it does not run; it does not hang.
try:
    answer = machine.send_monitor_command("info status")
except Exception as error:
    assert "not running" in str(error), error
else:
    assert "running" in answer
