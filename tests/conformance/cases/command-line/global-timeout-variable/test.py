import time

machine.start()
try:
    time.sleep(100)
except BaseException:
    time.sleep(100)
