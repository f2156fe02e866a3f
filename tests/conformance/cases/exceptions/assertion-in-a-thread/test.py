import threading


def check():
    assert machine.succeed("echo 41") == "42\n", "wrong answer"


thread = threading.Thread(target=check)
thread.start()
thread.join()
