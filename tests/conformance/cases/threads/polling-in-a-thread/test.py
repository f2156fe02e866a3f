import threading

checked_in = set()


@polling_condition(seconds_interval=0)
def alive():
    checked_in.add(threading.current_thread().name)
    machine.execute("true")


with alive:
    worker = threading.Thread(target=machine.succeed, args=("echo x",), name="worker")
    worker.start()
    worker.join(15)
    machine.succeed("echo y")
assert not worker.is_alive() and "MainThread" in checked_in, checked_in
