machine.start()
machine.process.kill()
machine.process.wait()
with t.assertRaises(BrokenPipeError):
    machine.send_monitor_command("info status")
