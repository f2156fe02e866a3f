from test_driver.errors import MachineError

# Either what is wrong is said, or it is skipped: never a hang, never a wrong answer.
try:
    machine.start()
    assert machine.qmp_client.send("query-status")["return"]["running"] is True
    machine.qmp_client.send("stop")
    machine.wait_for_qmp_event(lambda event: event["event"] == "STOP", timeout=5)
except MachineError as error:
    assert "QMP" in str(error), error
