import os
import signal
import threading
import time

path = str(driver.config.test_script)
following = """
print("saved anew")
import os, signal, threading
threading.Timer(2, os.kill, [os.getpid(), signal.SIGINT]).start()
"""


def save():
    time.sleep(0.5)
    with open(path + ".new", "w") as file:
        file.write(following)
    os.rename(path + ".new", path)


threading.Thread(target=save).start()
