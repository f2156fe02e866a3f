import threading

machine.start()
threading.Timer(0.3, machine.process.kill).start()
try:
    machine.wait_for_qmp_event(lambda event: event["event"] == "SHUTDOWN", timeout=60)
except BrokenPipeError:
    raise
