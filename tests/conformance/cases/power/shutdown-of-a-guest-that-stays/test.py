import threading

machine.succeed("true")
threading.Timer(0.7, machine.process.kill).start()
machine.shutdown()
assert not machine.booted
