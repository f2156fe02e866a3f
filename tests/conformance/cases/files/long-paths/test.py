assert len(os.environ["TMPDIR"]) > 107
assert machine.succeed("echo up") == "up\n"
assert "running" in machine.send_monitor_command("info status")
assert machine.qmp_client.send("query-status")["return"]["running"] is True
assert os.path.exists(os.environ["TMPDIR"] + "/vm-state-machine")
assert os.path.exists(os.environ["QEMU_VDE_SOCKET_1"] + "/ctl")
