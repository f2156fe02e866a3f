import signal

received = []
signal.signal(signal.SIGUSR1, lambda number, frame: received.append(number))
machine.succeed(f"kill -USR1 {os.getpid()}")
retry(lambda _: received == [signal.SIGUSR1], timeout=10)
assert machine.succeed("echo still there") == "still there\n"
