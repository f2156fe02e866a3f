from test_driver.machine.qmp import QMPAPIError

machine.start()
with t.assertRaises(QMPAPIError) as caught:
    machine.qmp_client.send("no-such-command")
error = caught.exception
assert error.class_name == "CommandNotFound"
assert "no-such-command" in error.description
assert error.transaction_id is None
with t.assertRaises(QMPAPIError) as caught:
    machine.qmp_client.send("screendump", {"filename": 5})
assert caught.exception.class_name == "GenericError"
assert machine.qmp_client.send("query-status")["return"]["running"]
